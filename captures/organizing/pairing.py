"""Which files are one capture: RAW and JPEG of one stem, folder and time. Django-free."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

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
