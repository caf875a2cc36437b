"""Measures the spools and the storage roots of this host. The periodic task disk-meter has a thread of its own, because
a disk may hang."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from django.db import DatabaseError, connection

from cameras.spool.spool import spool_folder
from cameras.spool.storage import read_marker
from cameras.supervision.camera_slot import CameraSlot
from cameras.tables import ROOTS
from core.changes.gate import ChangeGate
from core.registry import resolve

LIFE_S = 30.0
"""Older measurements are not shown."""
RECORD = ".done"


class Root(TypedDict):
    id: str
    path: str


@dataclass(frozen=True, slots=True)
class SpoolSize:
    """`oldest_s` is the age of the oldest record in seconds; 0 without one."""

    records: int
    oldest_s: float

    def __add__(self, other: SpoolSize) -> SpoolSize:
        return SpoolSize(self.records + other.records, max(self.oldest_s, other.oldest_s))


@dataclass(frozen=True, slots=True)
class DiskSpace:
    free_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """Slug -> size of its spool; path of a storage root -> space of its disk. `at` is in time.monotonic()."""

    at: float = -LIFE_S
    spools: Mapping[str, SpoolSize] = field(default_factory=dict)
    disks: Mapping[str, DiskSpace] = field(default_factory=dict)


class DiskMeter:
    """Only its thread measures; a measurement is replaced whole, so any thread may read it."""

    def __init__(self, host: str, slots: Mapping[str, CameraSlot]) -> None:
        self._host, self._slots = host, slots
        self._gate = ChangeGate()
        self._roots: list[Root] = []
        self._measurement = Measurement()

    def newest(self) -> Measurement:
        """An empty one when the newest is too old, for example because a disk hangs."""
        newest = self._measurement
        return newest if time.monotonic() - newest.at < LIFE_S else Measurement()

    def measure(self) -> None:
        """Measure all spools and roots. What is not mounted is left out."""
        self._read_roots()
        spools: dict[str, SpoolSize] = {}
        for slot in self._slots.values():
            if size := _size_of(slot):
                # A removed camera keeps its spool until it is empty, and another camera may have its slug.
                spools[slot.desired.slug] = spools.get(slot.desired.slug, SpoolSize(0, 0.0)) + size
        disks = {root["path"]: space for root in self._roots if (space := _space_of(root))}
        self._measurement = Measurement(time.monotonic(), spools, disks)

    def _read_roots(self) -> None:
        """The last ones are kept while the database is away."""
        try:
            found = self._gate.call(lambda: resolve(ROOTS["all"])(self._host))
            self._roots = self._roots if found is None else found
        except DatabaseError:
            connection.close()  # it may be broken


def _space_of(root: Root) -> DiskSpace | None:
    try:
        if read_marker(root["path"]) != root["id"]:
            return None  # an unmounted one would have the space of the disk that its folder is on
        usage = shutil.disk_usage(root["path"])
    except OSError:
        return None
    return DiskSpace(usage.free, usage.total)


def _size_of(slot: CameraSlot) -> SpoolSize | None:
    desired = slot.desired
    roots = [(desired.root_path, ""), (desired.video_root_path, "clips")]
    try:
        times = [at for root, part in roots for at in _times_of(os.path.join(root, spool_folder(desired.id, part)))]
    except OSError:
        return None
    # The clock may have been set back.
    return SpoolSize(len(times), max(0.0, time.time() - min(times)) if times else 0.0)


def _times_of(folder: str) -> list[float]:
    """When each record of a spool was written; none for a spool that does not exist yet. OSError."""
    try:
        with os.scandir(folder) as entries:
            records = [entry for entry in entries if entry.name.endswith(RECORD)]
    except FileNotFoundError:
        return []
    return [at for record in records if (at := _time_of(record)) is not None]


def _time_of(record: os.DirEntry[str]) -> float | None:
    try:
        return record.stat().st_mtime
    except FileNotFoundError:
        return None  # the ingest has just removed it
