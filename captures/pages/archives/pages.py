"""The page of all archives, and the pages of one archive and of one archived file, with filters and the custody of
files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from pydantic import Field

from cameras.resource import CameraFilter
from cameras.selectors import UnknownCamera, camera_condition, hidden_ids
from captures.days import parse_cursor
from captures.experiments.selectors import sees_all, visible_places
from captures.experiments.states import MAX_NAME
from captures.files.downloads import MAX_FILES
from captures.pages.archives.display import FILE_STATES, KINDS, STATES, ArchivedFile, ArchiveDisplay, folders_of
from captures.recordings.clips.pages import Choice
from captures.roots.models import Kept
from captures.storage.archives.bodies import VERIFY
from captures.storage.archives.manifest import remote_sentences
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveState
from captures.storage.archives.selectors import archive_file_for, archive_files_for, archives_for, kind_condition
from core.api.paging import beyond
from core.api.queries import Cursor, PageQuery
from core.events.models import Event
from core.jobs.models import Job
from core.pages import Page
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
ARCHIVE_FILTERS = ("state", "verification", "search")
VERIFICATION_LABELS = {"whole": "Verified whole", "faulty": "Faulty", "never": "Never verified"}


class ArchivesPage(Page):
    template = "archives/archives.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: request.GET.get(name, "").strip() for name in ARCHIVE_FILTERS}
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
    hidden = hidden_ids(user)
    rows = ArchiveFile.objects.filter(folder__archive__in=[one.pk for one in archives]).exclude(camera__in=hidden)
    counts: dict[Any, dict[str, int]] = defaultdict(dict)
    sizes: dict[Any, int] = defaultdict(int)
    sums = rows.values_list("folder__archive", "state").annotate(Count("pk"), Sum("bytes")).order_by()
    for archive, state, number, size in sums:
        counts[archive][state] = number
        sizes[archive] += 0 if state == ArchiveFileState.MISSING else size
    return [
        ArchiveDisplay(one, counts[one.pk], sizes[one.pk], one.missing if sees_all_cameras(one, hidden) else [])
        for one in archives
    ]


def sees_all_cameras(archive: Archive, hidden: set[Any]) -> bool:
    """A sentence about what is missing may name any camera of the experiment."""
    return not any(place.camera_id in hidden for place in archive.experiment.places.all())


CUSTODY = 50
"""The newest events of the chain that a page shows; the manifest has all."""


def custody_of(archive: Archive) -> list[Event]:
    """Newest first. Its sentences may name any camera of the experiment."""
    subjects = [str(archive.experiment_id), str(archive.pk)]
    return list(Event.objects.filter(subject__in=subjects).order_by("-at", "-id")[:CUSTODY])


FAULTY = 100
SHOWN_FOR = timedelta(minutes=1)
"""How long after a verification the page is still refreshed."""
FILE_FILTERS = ("camera", "kind", "state", "host")


class ArchivePageBase(Page):
    """A page of the archive in the address."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (Archive.DoesNotExist, ArchiveFile.DoesNotExist):
            raise Http404("No such archive.") from None


class ArchivePage(ArchivePageBase):
    template = "archives/archive.html"

    def get(self, request: HttpRequest, archive: UUID) -> HttpResponse:
        found: Archive = archives_for(request.user).get(pk=archive)
        return self.render(self.overview(found) | self.files(found))

    def overview(self, archive: Archive) -> dict[str, Any]:
        user = self.request.user
        is_whole_view = sees_all(user, archive.experiment)
        files = archive_files_for(user, archive)
        faulty = files.filter(state__in=[ArchiveFileState.MISSING, ArchiveFileState.DAMAGED]).order_by("path")
        return {
            "display": archive_displays(user, [archive])[0],
            "archive": archive,
            "experiment": archive.experiment,
            "sees_all": is_whole_view,
            "faulty": list(faulty[:FAULTY]),
            "away": files.filter(kept=Kept.OFFSITE.value).count(),
            "stated": stated(archive) if is_whole_view else [],
            "remote": remote_sentences(archive.experiment, visible_places(user, archive.experiment)),
            "folders": folders_of(archive, user, with_findings=is_whole_view),
            "custody": custody_of(archive) if is_whole_view else [],
            "most_custody": CUSTODY,
        }

    def files(self, archive: Archive) -> dict[str, Any]:
        chosen = {name: self.request.GET.get(name, "").strip() for name in FILE_FILTERS}
        query = FileFilter.lenient(chosen)
        rows = archive_files_for(self.request.user, archive)
        cameras = dict(rows.values_list("camera__slug", "camera__name").distinct().order_by("camera__slug"))
        hosts = [folder.host for folder in archive.folders.all()]
        rows = rows.filter(kind_condition(query.kind), **self._camera(query.camera))
        # Counted up to one more than a ZIP file can have.
        zipped = rows.order_by()[: MAX_FILES + 1].count()
        rows = rows.filter(**query.conditions())
        if query.host:
            rows = rows.filter(folder__host=query.host)
        found = list(
            beyond(rows, "at", parse_cursor(self.request.GET.get("before", ""))).order_by("-at", "-id")[: ROWS + 1]
        )
        last = found[ROWS - 1] if len(found) > ROWS else None
        cursor = Cursor(last.at, last.pk, newer=False).text() if last else ""
        return {
            "files": [ArchivedFile(one) for one in found[:ROWS]],
            "chosen": chosen,
            "is_narrowed": any(chosen.values()),
            "cameras": cameras,
            "kinds": filter_choices(chosen, "kind", KINDS),
            "states": {state: display.label for state, display in FILE_STATES.items()},
            "hosts": {host: host for host in hosts} if len(hosts) > 1 else {},
            "older": filter_link({**chosen, "before": cursor}) if cursor else "",
            "newest": filter_link(chosen) if self.request.GET.get("before") else "",
            "zipped": zipped,
            "most_zipped": MAX_FILES,
            "query": self.request.GET.urlencode(),
            "zip_query": urlencode({name: chosen[name] for name in ("camera", "kind") if getattr(query, name)}),
        }

    def _camera(self, slug: str | None) -> dict[str, Any]:
        try:
            return camera_condition(self.request.user, slug)
        except UnknownCamera as error:
            raise Http404(str(error)) from None


class ArchiveNow(ArchivePage):
    """The parts of an archive's page that are refreshed while files are copied or verified; else those of each page."""

    template = "archives/_now.html"

    def get(self, request: HttpRequest, archive: UUID) -> HttpResponse:
        found: Archive = archives_for(request.user).get(pk=archive)
        if not changes_by_itself(found):
            return self.render({}, "_shell_now.html")
        return self.render(self.overview(found) | self.files(found))


def changes_by_itself(archive: Archive) -> bool:
    """Whether its page may show something else a moment later."""
    if archive.state in {ArchiveState.WAITING, ArchiveState.COPYING}:
        return True
    jobs = Job.objects.filter(kind=VERIFY, subject=str(archive.pk))
    # Also those that have just ended, so that the page shows the outcome.
    return jobs.filter(Q(ended_at=None) | Q(ended_at__gte=timezone.now() - SHOWN_FOR)).exists()


def stated(archive: Archive) -> list[str]:
    """What the manifest states as missing besides files: these are shown as they are now."""
    paths = [sentence.partition(": ")[0] for sentence in archive.missing]
    known = set(ArchiveFile.objects.filter(folder__archive=archive, path__in=paths).values_list("path", flat=True))
    return [sentence for sentence, path in zip(archive.missing, paths, strict=True) if path not in known]


class ArchivedFilePage(ArchivePageBase):
    template = "archives/file.html"

    def get(self, request: HttpRequest, archive: UUID, file: UUID) -> HttpResponse:
        found = ArchivedFile(archive_file_for(request.user, archive, file))
        return self.render(
            {
                "one": found,
                "file": found.file,
                "archive": found.file.folder.archive,
                "played": found.played if found.is_clip else None,
                "facts": found.file.facts,
                **self._around(found),
            }
        )

    def _around(self, one: ArchivedFile) -> dict[str, ArchiveFile | None]:
        """The files of the same camera, kind and folder before and after."""
        file = one.file
        rows = archive_files_for(self.request.user, file.folder.archive).filter(
            kind_condition(file.facts.get("kind")), camera=file.camera_id, folder=file.folder_id
        )
        before = beyond(rows, "at", Cursor(file.at, file.pk, newer=False)).order_by("-at", "-id").first()
        after = beyond(rows, "at", Cursor(file.at, file.pk, newer=True)).order_by("at", "id").first()
        return {"before": before, "after": after}
