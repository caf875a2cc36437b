"""Which files are requested back, and the rows that a request selects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from pydantic import Field, model_validator

from cameras.camera_filter import Slug
from cameras.models import Camera
from captures.capturing.models import Capture, CaptureFile
from captures.experiments.models import Experiment
from captures.roots.models import Kept
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState
from captures.storage.archives.selectors import copy_of
from captures.storage.offsite.copy_states import CopyState
from captures.storage.offsite.models import Destination, OffsiteCopy
from core.resources.fields import Fields
from core.times.timestamps import Moment

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
