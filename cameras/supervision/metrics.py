"""What only a camera host knows, as metrics for Prometheus, which need neither database nor broker; and the measuring
of its spools and storage roots: the periodic task disk-meter has a thread of its own, because a disk may hang."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from django.db import DatabaseError, connection
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cameras.spool.spool import spool_folder
from cameras.spool.storage import read_marker
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.camera_status import own_slots
from cameras.supervision.process_counters import Count, StoredCounters
from cameras.supervision.recovery_steps import LADDER_STEPS
from cameras.tables import ROOTS
from core.changes import ChangeGate
from core.collection_errors import collection_errors_family
from core.registry import resolve

if TYPE_CHECKING:
    from cameras.supervision.database_thread import DatabaseThread
    from cameras.supervision.ingester import Ingester
    from cameras.supervision.outbox import Outbox

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


OF_CAMERAS = {
    "frames": ("skycam_camera_frames", "Frames that the camera delivered."),
    "lost": ("skycam_recording_frames_lost", "Frames that recording lost."),
    "holes": (
        "skycam_recording_holes_found",
        "Times in recordings without a frame that were longer than two intervals.",
    ),
    "bytes": ("skycam_recording_written_bytes", "Bytes written to clips."),
    "yielded": ("skycam_live_frames_yielded", "Frames that live view left to recording."),
}
"""What is counted for each camera -> its metric."""
OUTBOX_LOST, COLLECTION_FAILED = Count("outbox_lost"), Count("collection_failed")


class HostCollector(Collector):
    """Reads what the threads of the worker hold, and waits for none of them."""

    def __init__(
        self,
        slots: Mapping[str, CameraSlot],
        counters: StoredCounters,
        disks: DiskMeter,
        outbox: Outbox,
        ingester: Ingester,
        database: DatabaseThread,
    ) -> None:
        self._slots, self._counters, self._disks = slots, counters, disks
        self._outbox, self._ingester, self._database = outbox, ingester, database

    def collect(self) -> Iterator[Metric]:
        yield from self._counted()
        yield from self._of_disks()
        yield self._commands()
        yield GaugeMetricFamily(
            "skycam_outbox_length", "Writes to the database that wait in the worker.", value=len(self._outbox)
        )
        yield GaugeMetricFamily(
            "skycam_ingest_waiting", "Reported records that wait for the database.", value=len(self._ingester)
        )
        away_since = self._database.away_since
        yield GaugeMetricFamily(
            "skycam_database_away_seconds", "How long the worker has not reached the database; 0: it reaches it.",
            value=0.0 if away_since is None else time.monotonic() - away_since,
        )  # fmt: skip

    def _counted(self) -> Iterator[Metric]:
        """The counters that survive the worker. What a camera has never done is 0: its first time is an increase."""
        totals = self._counters.totals()
        if totals is None:
            return
        present = present_cameras(self._slots)
        for counted, (name, meaning) in OF_CAMERAS.items():
            family = CounterMetricFamily(name, meaning, labels=["camera"])
            for slug in present:
                family.add_metric([slug], totals.get(Count(counted, slug), 0))
            yield family
        encoded = CounterMetricFamily(
            "skycam_live_encoded", "Live pictures that the camera's process encoded.", labels=["camera", "quality"]
        )
        steps = CounterMetricFamily(
            "skycam_camera_ladder_steps", "Steps of the recovery ladder of a camera.", labels=["camera", "step"]
        )
        for slug, slot in present.items():
            for quality in sorted(slot.desired.presets):
                encoded.add_metric([slug, quality], totals.get(Count("encoded", slug, quality), 0))
            for step in LADDER_STEPS:
                steps.add_metric([slug, step], totals.get(Count("step", slug, step), 0))
        yield from (encoded, steps)
        yield CounterMetricFamily(
            "skycam_outbox_lost", "Writes to the database that the worker dropped.", value=totals.get(OUTBOX_LOST, 0)
        )
        yield collection_errors_family(totals.get(COLLECTION_FAILED, 0))

    def _of_disks(self) -> Iterator[Metric]:
        records = GaugeMetricFamily("skycam_spool_records", "Records that wait in the spool.", labels=["camera"])
        oldest = GaugeMetricFamily(
            "skycam_spool_oldest_record_age_seconds", "Age of the oldest record in the spool; 0 without one.",
            labels=["camera"],
        )  # fmt: skip
        free = GaugeMetricFamily(
            "skycam_storage_free_bytes", "Free bytes on the disk of a storage root.", labels=["root"]
        )
        whole = GaugeMetricFamily("skycam_storage_size_bytes", "Size of the disk of a storage root.", labels=["root"])
        newest = self._disks.newest()
        present = present_cameras(self._slots)
        for slug, size in newest.spools.items():
            # Of a camera that was removed or has moved, only while something is left here.
            if size.records or slug in present:
                records.add_metric([slug], size.records)
                oldest.add_metric([slug], size.oldest_s)
        for path, space in newest.disks.items():
            free.add_metric([path], space.free_bytes)
            whole.add_metric([path], space.size_bytes)
        yield from (records, oldest, free, whole)

    def _commands(self) -> Metric:
        family = GaugeMetricFamily(
            "skycam_commands_outstanding", "Commands that the camera's process has not answered.", labels=["camera"]
        )
        for slug, slot in present_cameras(self._slots).items():
            family.add_metric([slug], len(slot.outstanding))
        return family


def present_cameras(slots: Mapping[str, CameraSlot]) -> dict[str, CameraSlot]:
    """Slug -> the slot of a camera of this host. A removed camera keeps its slot, and another may have its slug."""
    return {slot.desired.slug: slot for slot in own_slots(slots) if not slot.desired.removed}
