"""Which files are requested back, what would come back and whether there is space for it; start of the job that does
it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from pydantic import Field, model_validator

from cameras.models import Camera
from cameras.resource import Slug
from cameras.spool.storage import RootMissing
from captures.capturing.models import Capture, CaptureFile
from captures.experiments.models import Experiment
from captures.recordings.clips.services import open_root
from captures.roots.models import Kept, StorageRoot
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState
from captures.storage.archives.selectors import copy_of
from captures.storage.offsite.models import Destination, OffsiteCopy
from captures.storage.offsite.states import CopyState
from captures.storage.usage.models import RootSpace
from core import database_clock
from core.camera_refs import Cameras
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.resources.fields import Fields
from core.station_settings import camera_config
from core.templatetags.skycam import format_bytes
from core.text.sentences import pluralize
from core.times.timestamps import Moment, stamp

DAYS = 7
"""How long files stay that were brought back, unless the request says it."""
Days = Annotated[float, Field(gt=0, le=3650, description="For so long no rule leaves the files to their copies again.")]


class BringBackOne(Fields):
    """For the files of one capture."""

    days: Days = DAYS


class Selection(Fields):
    """Which files: those to which all that is given applies. `from` and `to`: when they were captured."""

    capture: UUID | None = None
    archive: UUID | None = None
    experiment: Annotated[UUID | None, Field(description="Its captures and the files of its archive.")] = None
    camera: Slug | None = None
    destination: Annotated[UUID | None, Field(description="With a verified copy there.")] = None
    from_: Annotated[Moment | None, Field(alias="from", description="Not before; ISO 8601 with a zone.")] = None
    to: Annotated[Moment | None, Field(description="Before; ISO 8601 with a zone.")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise ValueError("`from` must be before `to`.")
        if not self.as_json():
            raise ValueError(
                "Say which files: give a capture, an archive, an experiment, a camera, a destination or a time."
            )
        return self

    def as_json(self) -> dict[str, Any]:
        """What is given, without a period."""
        names = set(Selection.model_fields)
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, include=names)

    def within(self, column: str) -> dict[str, datetime]:
        """Conditions for the rows whose time in `column` is between the ends."""
        ends = {f"{column}__gte": self.from_, f"{column}__lt": self.to}
        return {name: at for name, at in ends.items() if at is not None}


class BringBackRequest(Selection):
    days: Days = DAYS

    @property
    def digest(self) -> str:
        """Equal for requests of the same files and period: they are one job."""
        whole = json.dumps({**self.as_json(), "days": self.days}, sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:32]


NAMED: dict[str, tuple[Any, str]] = {
    "capture": (Capture, "pk"), "archive": (Archive, "pk"), "experiment": (Experiment, "pk"),
    "destination": (Destination, "pk"), "camera": (Camera, "slug"),
}  # fmt: skip
"""What a selection can name, and the field by which it does."""


def check_names(selection: Selection) -> None:
    """ValidationError for a name of nothing: that none of its files is away is no answer then."""
    for name, (model, field) in NAMED.items():
        key = getattr(selection, name)
        if key is not None and not model.objects.filter(**{field: key}).exists():
            raise ValidationError({name: f"There is no {name} {str(key)!r}."})


@dataclass(frozen=True, slots=True)
class ReturningTable:
    """A table whose files may be off-site alone. `key`: the column of `OffsiteCopy` for its keys; `root` and `host`:
    the fields of a row's place. `owner` is the row that a deletion of the file changes first."""

    name: str
    model: type[CaptureFile | ArchiveFile]
    key: str
    root: str
    host: str
    camera: str
    select: Callable[[Selection], QuerySet[Any]]
    served: Callable[[Any], Any]
    owner: Callable[[Any], QuerySet[Any]]

    def chosen(self, selection: Selection) -> QuerySet[Any]:
        """All files of the selection, those that are here as well."""
        rows = self.select(selection)
        if selection.destination is not None:
            rows = rows.filter(Exists(self.copies().filter(destination=selection.destination)))
        return rows

    def away(self, selection: Selection, hosts: Sequence[str] = ()) -> QuerySet[Any]:
        """Those that only destinations have, or are about to."""
        rows = self.chosen(selection).exclude(kept=Kept.HERE.value)
        return rows.filter(**{f"{self.host}__in": hosts}) if hosts else rows

    def camera_of(self, row: Any) -> UUID:
        """The key of the row's camera."""
        found: UUID = row.camera_id if isinstance(row, ArchiveFile) else row.capture.camera_id
        return found

    def copies(self) -> QuerySet[OffsiteCopy]:
        """The verified copies of a row, in a subquery."""
        return OffsiteCopy.objects.filter(table=self.name, state=CopyState.VERIFIED.value, **{self.key: OuterRef("pk")})


def _captures(selection: Selection) -> QuerySet[CaptureFile]:
    rows = CaptureFile.objects.filter(capture__in=Capture.objects.present().order_by())
    fields = {
        "capture": "capture",
        "camera": "capture__camera__slug",
        "experiment": "capture__experiment_links__experiment",
    }
    return _named(rows, selection, fields, "capture__started_at").select_related("capture", "root")


def _archive_files(selection: Selection) -> QuerySet[ArchiveFile]:
    rows = ArchiveFile.objects.filter(state=ArchiveFileState.COPIED.value)
    fields = {"archive": "folder__archive", "camera": "camera__slug", "experiment": "folder__archive__experiment"}
    found = _named(rows, selection, fields, "at")
    return found.select_related("folder__archive", "folder__root").defer("folder__archive__manifest")


def _named(rows: QuerySet[Any], selection: Selection, fields: dict[str, str], at: str) -> QuerySet[Any]:
    """Those that the selection names. `fields`: name -> field of the rows; a table without one has nothing of it."""
    names = {name: getattr(selection, name) for name in ("capture", "archive", "camera", "experiment")}
    given = {name: value for name, value in names.items() if value is not None}
    if not given.keys() <= fields.keys():
        return rows.none()
    return rows.filter(**{fields[name]: value for name, value in given.items()}, **selection.within(at))


RETURNING = (
    ReturningTable(
        "captures", CaptureFile, "number", "root", "host", "capture__camera", _captures, lambda row: row,
        lambda row: Capture.objects.filter(pk=row.capture_id, purged_at=None),
    ),
    ReturningTable(
        "archives", ArchiveFile, "uuid", "folder__root", "folder__host", "camera", _archive_files, copy_of,
        lambda row: ArchiveFile.objects.filter(pk=row.pk),
    ),
)  # fmt: skip


GB = 1e9


@dataclass(slots=True)
class RootPlan:
    """What comes back to one root. `free_bytes` is None when it is unknown; of another host it is its last measurement.
    `lost`: files without a verified copy."""

    root: StorageRoot
    files: int = 0
    bytes: int = 0
    lost: int = 0
    free_bytes: int | None = None
    problem: str = ""

    @property
    def host(self) -> str:
        return self.root.host

    @property
    def path(self) -> str:
        return self.root.path


@dataclass(frozen=True, slots=True)
class BringBackPlan:
    roots: list[RootPlan]

    @property
    def files(self) -> int:
        return sum(one.files for one in self.roots)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.roots)

    @property
    def lost(self) -> int:
        return sum(one.lost for one in self.roots)

    @property
    def hosts(self) -> list[str]:
        return sorted({one.host for one in self.roots if one.files})

    @property
    def problems(self) -> list[str]:
        return [one.problem for one in self.roots if one.problem]


def make_plan(selection: Selection, host: str = "") -> BringBackPlan:
    """Of all hosts, or of one. DatabaseError."""
    found: dict[object, RootPlan] = {}
    roots = {root.pk: root for root in StorageRoot.objects.all()}
    for table in RETURNING:
        rows = table.away(selection, [host] if host else ()).annotate(copied=Exists(table.copies())).order_by()
        has = Q(copied=True)
        counted = rows.values(table.root).annotate(
            files=Count("pk", filter=has), size=Sum("bytes", filter=has), lost=Count("pk", filter=~has)
        )
        for row in counted:
            plan = found.setdefault(row[table.root], RootPlan(roots[row[table.root]]))
            plan.files += row["files"]
            plan.bytes += row["size"] or 0
            plan.lost += row["lost"]
    for plan in found.values():
        if plan.files:
            _measure(plan)
    return BringBackPlan(sorted(found.values(), key=lambda one: (one.root.host, one.root.path)))


def reserve_bytes() -> int:
    """What stays free: below the soft floor rolling clips are deleted, which a file that has a copy is not worth."""
    return int(camera_config().soft_floor_gb * GB)


def _measure(plan: RootPlan) -> None:
    root = plan.root
    if root.host != settings.STATION.host:
        measured = RootSpace.objects.filter(root=root).order_by("-day").first()
        plan.free_bytes = measured.free_bytes if measured else None
    else:
        try:
            with open_root(root) as files:
                plan.free_bytes = files.free_bytes()
        except RootMissing as error:
            plan.problem = str(error)
        except OSError as error:
            plan.problem = f"The storage root {root.path} cannot be opened: {error.strerror}. Check the disk."
    if plan.free_bytes is not None and plan.bytes + reserve_bytes() > plan.free_bytes:
        plan.problem = (
            f"{root.path} on {root.host} has {format_bytes(plan.free_bytes)} free. "
            f"{pluralize(plan.files, 'file')} of {format_bytes(plan.bytes)} would come back, and "
            f"{format_bytes(reserve_bytes())} must stay free there (camera_config.soft_floor_gb). Free some space, or "
            "choose fewer files."
        )


JOB_KIND = "bring_back"


class NoSpace(Exception):
    """The files do not fit, or their disk is away; the message says where. Nothing was changed."""


def start_bring_back(wanted: BringBackRequest, actor: str) -> tuple[BringBackPlan, list[Job]]:
    """The plan, and a job on each host with files that are off-site alone; one that does the same already is joined.
    No jobs when all files are here. NoSpace."""
    plan = make_plan(wanted)
    if plan.problems:
        raise NoSpace(" ".join(plan.problems))
    until = database_clock.read_now() + timedelta(days=wanted.days)
    arguments = {"selection": wanted.as_json(), "until": stamp(until)}
    jobs = []
    for host in plan.hosts:
        job, _ = enqueue(
            JOB_KIND, host, camera=_cameras(wanted, host), subject=wanted.digest, arguments=arguments, actor=actor
        )
        jobs.append(job)
    return plan, jobs


def _cameras(wanted: BringBackRequest, host: str) -> Cameras:
    """All whose files come back to the host."""
    keys = set[Any]()
    for table in RETURNING:
        keys |= set(table.away(wanted, [host]).order_by().values_list(table.camera, flat=True).distinct())
    return list(Camera.objects.filter(pk__in=keys))
