"""Metrics of a camera host for Prometheus: what only its worker knows. They need neither database nor broker."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.camera_status import own_slots
from cameras.supervision.disk_meter import DiskMeter
from cameras.supervision.process_counters import Count, StoredCounters
from cameras.supervision.recovery_steps import LADDER_STEPS
from core.collection_errors import collection_errors_family

if TYPE_CHECKING:
    from cameras.supervision.database_thread import DatabaseThread
    from cameras.supervision.ingester import Ingester
    from cameras.supervision.outbox import Outbox

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
