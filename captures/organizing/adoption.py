"""Which files are one capture, and the rows of adopted captures: what is stored already, and what is new."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from cameras.models import Camera
from captures.capturing.models import Capture, CaptureFile, Origin
from captures.organizing.inspection import Inspection
from captures.organizing.source import SourceFile
from captures.organizing.times import PlacedTime

MAX_APART = timedelta(seconds=2)
MAX_OF_STEM = 10
FIRST_KINDS = ("jpeg", "png", "tiff", "raw")
"""Which file of a capture is the primary one."""


@dataclass(frozen=True, slots=True)
class FoundPicture:
    file: SourceFile
    inspection: Inspection
    time: PlacedTime | None
    """None: it has none of its own."""


@dataclass(slots=True)
class FoundCapture:
    """Files of one exposure, the primary one first."""

    time: PlacedTime
    pictures: list[FoundPicture] = field(default_factory=list)

    def accepts(self, picture: FoundPicture) -> bool:
        kinds = {one.inspection["kind"] for one in self.pictures}
        return picture.inspection["kind"] not in kinds and (
            picture.time is None or abs(picture.time.at - self.time.at) <= MAX_APART
        )


def stem_of(path: str) -> str:
    """Folder and name without the ending."""
    return os.path.splitext(path)[0]


def batches(files: Iterable[SourceFile], max_files: int, max_bytes: int) -> Iterator[list[SourceFile]]:
    """Files in parts of bounded size; files of one stem, which come one after the other, are in one part, unless they
    are more than MAX_OF_STEM: then the numbers of the pictures are their endings."""
    batch: list[SourceFile] = []
    same = 0
    for file in files:
        full = len(batch) >= max_files or sum(one.bytes for one in batch) >= max_bytes
        same = same + 1 if batch and stem_of(file.path) == stem_of(batch[-1].path) else 1
        if full and (same == 1 or same > MAX_OF_STEM):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def pair_pictures(pictures: Iterable[FoundPicture]) -> tuple[list[FoundCapture], list[FoundPicture]]:
    """The captures, and the pictures without a time that belong to none of them."""
    captures: dict[str, list[FoundCapture]] = {}
    # Those with a time first: a RAW file without one belongs to the JPEG of its stem.
    ordered = sorted(pictures, key=lambda one: (one.time is None, FIRST_KINDS.index(one.inspection["kind"])))
    alone = []
    for picture in ordered:
        same = captures.setdefault(stem_of(picture.file.path), [])
        found = next((capture for capture in same if capture.accepts(picture)), None)
        if found is None and picture.time is None:
            alone.append(picture)
        elif found is None:
            assert picture.time
            same.append(FoundCapture(picture.time, [picture]))
        else:
            found.pictures.append(picture)
    for capture in (one for same in captures.values() for one in same):
        capture.pictures.sort(key=lambda one: FIRST_KINDS.index(one.inspection["kind"]))
    return [one for same in captures.values() for one in same], alone


class StoredFile(NamedTuple):
    """A file that has a row: its capture, and if it was adopted, by which job and from where; and where it is."""

    capture: str
    job: str
    original: str
    root: UUID
    path: str


class AdoptedFile(NamedTuple):
    """A picture, its path in the storage root, and the path that it comes from, as text."""

    picture: FoundPicture
    path: str
    original: str


@dataclass(frozen=True, slots=True)
class Adopter:
    """For whom pictures become captures. `job` is the id of the job."""

    camera: Camera
    root: UUID
    actor: str
    job: str

    def store(self, captures: Sequence[tuple[UUID, PlacedTime, list[AdoptedFile]]], now: datetime) -> list[CaptureFile]:
        """Store the captures and their files in one transaction. Returns the first file of each."""
        rows = [self._capture(ident, time, files, now) for ident, time, files in captures]
        files = [self._files(row, found) for row, (_, _, found) in zip(rows, captures, strict=True)]
        with transaction.atomic():
            Capture.objects.bulk_create(rows)
            CaptureFile.objects.bulk_create([file for of_one in files for file in of_one])
        return [of_one[0] for of_one in files]

    def adopted(self) -> dict[str, tuple[int, str]]:
        """Original path -> bytes and SHA-256 of the files that this job has adopted, also before a kill."""
        files = CaptureFile.objects.filter(capture__in=self._of_job())
        return {original: (size, sha256) for original, size, sha256 in files.values_list("original", "bytes", "sha256")}

    def count_adopted(self) -> int:
        return self._of_job().count()

    def _of_job(self) -> QuerySet[Capture]:
        # With the user, whose captures have an index.
        return Capture.objects.filter(requested_by=self.actor, origin=Origin.ADOPTED, job=self.job)

    def _capture(self, ident: UUID, time: PlacedTime, files: list[AdoptedFile], now: datetime) -> Capture:
        found = [file.picture.inspection for file in files]
        # A JPEG from a program may lack what the RAW file beside it has.
        exposure_us = next((one["exposure_us"] for one in found if one["exposure_us"]), None)
        return Capture(
            id=ident,
            camera=self.camera,
            origin=Origin.ADOPTED,
            adopted_at=now,
            status=Capture.Status.SAVED,
            planned_at=time.at,
            started_at=time.at,
            exposed=True,
            ended_at=time.at + timedelta(microseconds=exposure_us or 0),
            exposure_us=exposure_us,
            iso=next((one["iso"] for one in found if one["iso"]), None),
            f_number=next((one["f_number"] for one in found if one["f_number"]), None),
            serial=next((one["serial"] for one in found if one["serial"]), ""),
            simulated=any(one["simulated"] for one in found),
            # It is unknown whether the camera's clock was right.
            clock="unknown",
            warnings=[time.warning] if time.warning else [],
            requested_by=self.actor,
            job=self.job,
        )

    def _files(self, capture: Capture, files: list[AdoptedFile]) -> list[CaptureFile]:
        return [
            CaptureFile(
                capture=capture,
                kind=file.picture.inspection["kind"],
                place=place,
                host=settings.STATION.host,
                root_id=self.root,
                path=file.path,
                bytes=file.picture.inspection["bytes"],
                sha256=file.picture.inspection["sha256"],
                width=file.picture.inspection["width"],
                height=file.picture.inspection["height"],
                original=file.original,
            )
            for place, file in enumerate(files)
        ]


def stored_files(hashes: Iterable[str]) -> dict[str, StoredFile]:
    """SHA-256 -> a file that has it, in one query."""
    rows = CaptureFile.objects.filter(sha256__in=set(hashes)).order_by("pk")
    columns = rows.values_list("sha256", "capture_id", "capture__job", "original", "root_id", "path")
    return {
        sha256: StoredFile(str(capture), job, original, root, path)
        for sha256, capture, job, original, root, path in columns
    }


def stored_captures(captures: list[str]) -> set[str]:
    """Of these ids, those that have rows."""
    found = Capture.objects.filter(pk__in=captures).values_list("pk", flat=True)
    return {str(ident) for ident in found}
