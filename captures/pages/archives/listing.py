"""The list of archives, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse

from cameras.selectors import hidden_cameras
from captures.days.parameters import parse_cursor
from captures.pages.archives.display import STATES, ArchiveDisplay
from captures.pages.archives.filters import ArchiveFilter, choices, link_of
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState
from captures.storage.archives.selectors import archives_for
from core.api.paging import beyond
from core.api.queries import Cursor
from core.pages.page import Page

ROWS = 50
FILTERS = ("state", "verification", "search")
VERIFICATIONS = {"whole": "Verified whole", "faulty": "Faulty", "never": "Never verified"}


class ArchivesPage(Page):
    template = "archives/archives.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: request.GET.get(name, "").strip() for name in FILTERS}
        condition = ArchiveFilter.lenient(chosen).condition()
        rows = archives_for(request.user).filter(condition).defer("manifest")
        found = beyond(rows, "requested_at", parse_cursor(request.GET.get("before", "")))
        archives = list(found.order_by("-requested_at", "-id")[: ROWS + 1])
        older = archives[ROWS - 1] if len(archives) > ROWS else None
        cursor = Cursor(older.requested_at, older.pk, newer=False).text() if older else ""
        return self.render(
            {
                "displays": displays_for(request.user, archives[:ROWS]),
                "chosen": chosen,
                "is_narrowed": any(chosen.values()),
                "states": choices(chosen, "state", {state: display.label for state, display in STATES.items()}),
                "verifications": VERIFICATIONS,
                "older": link_of({**chosen, "before": cursor}) if cursor else "",
            }
        )


def displays_for(user: Any, archives: Sequence[Archive]) -> list[ArchiveDisplay]:
    """With the counts of the files that the user may see, which one query finds for all of them."""
    hidden = {camera.pk for camera in hidden_cameras(user)}
    rows = ArchiveFile.objects.filter(folder__archive__in=[one.pk for one in archives]).exclude(camera__in=hidden)
    counts: dict[Any, dict[str, int]] = defaultdict(dict)
    sizes: dict[Any, int] = defaultdict(int)
    sums = rows.values_list("folder__archive", "state").annotate(Count("pk"), Sum("bytes")).order_by()
    for archive, state, number, size in sums:
        counts[archive][state] = number
        sizes[archive] += 0 if state == ArchiveFileState.MISSING else size
    return [
        ArchiveDisplay(one, counts[one.pk], sizes[one.pk], one.missing if sees_all(one, hidden) else [])
        for one in archives
    ]


def sees_all(archive: Archive, hidden: set[Any]) -> bool:
    """A sentence about what is missing may name any camera of the experiment."""
    return not any(place.camera_id in hidden for place in archive.experiment.places.all())
