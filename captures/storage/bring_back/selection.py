"""The rows of files that are brought back, by table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet

from cameras.models import Camera
from captures.capturing.models import Capture, CaptureFile
from captures.experiments.models import Experiment
from captures.roots.kept import Kept
from captures.storage.archives.copies import copy_of
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState
from captures.storage.bring_back.requests import Selection
from captures.storage.offsite.copy_states import CopyState
from captures.storage.offsite.models import Destination, OffsiteCopy

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
