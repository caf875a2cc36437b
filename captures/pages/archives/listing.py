"""The page of all archives, and the filters of lists of archives and of their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from pydantic import Field

from cameras.camera_filter import CameraFilter
from cameras.selectors import hidden_cameras
from captures.days import parse_cursor
from captures.experiments.resource import MAX_NAME
from captures.pages.archives.display import STATES, ArchiveDisplay
from captures.recordings.clips.pages import Choice
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveState
from captures.storage.archives.selectors import archives_for
from core.api.paging import beyond
from core.api.queries import Cursor, PageQuery
from core.pages.page import Page
from core.text.names import Line

WITH_VERIFICATION = {"whole": Q(verification="whole"), "faulty": Q(verification="faulty"), "never": Q(verification="")}


class ArchiveFilter(PageQuery):
    state: ArchiveState | None = None
    verification: Annotated[Literal["whole", "faulty", "never"] | None, Field(exclude=True)] = None
    search: Annotated[Annotated[Line, Field(max_length=MAX_NAME)] | None, Field(exclude=True)] = None

    def condition(self) -> Q:
        found = Q(**self.conditions()) & WITH_VERIFICATION.get(self.verification or "", Q())
        if self.search:
            found &= Q(experiment__name__icontains=self.search) | Q(folder__icontains=self.search)
        return found


class FileFilter(PageQuery):
    camera: CameraFilter = None
    kind: Annotated[Literal["clip", "capture"] | None, Field(exclude=True)] = None
    state: ArchiveFileState | None = None
    host: Annotated[Annotated[Line, Field(max_length=60)] | None, Field(exclude=True)] = None


def filter_link(values: dict[str, Any]) -> str:
    """The query of an address, without what is empty."""
    return f"?{urlencode({name: value for name, value in values.items() if value})}"


def filter_choices(chosen: dict[str, str], name: str, options: dict[str, str]) -> list[Choice]:
    """The options of a filter as links, the first of which is no filter."""
    return [
        Choice(label, filter_link({**chosen, name: value}), chosen[name] == value)
        for value, label in {"": "All", **options}.items()
    ]


ROWS = 50
FILTERS = ("state", "verification", "search")
VERIFICATION_LABELS = {"whole": "Verified whole", "faulty": "Faulty", "never": "Never verified"}


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
                "displays": archive_displays(request.user, archives[:ROWS]),
                "chosen": chosen,
                "is_narrowed": any(chosen.values()),
                "states": filter_choices(chosen, "state", {state: display.label for state, display in STATES.items()}),
                "verifications": VERIFICATION_LABELS,
                "older": filter_link({**chosen, "before": cursor}) if cursor else "",
            }
        )


def archive_displays(user: Any, archives: Sequence[Archive]) -> list[ArchiveDisplay]:
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
