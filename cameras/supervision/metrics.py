"""Metrics of a camera host for Prometheus: what only its worker knows. They need neither database nor broker."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import Counter, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.camera_status import own_slots
from cameras.supervision.disk_meter import DiskMeter
from cameras.supervision.process_counters import ProcessCounters

if TYPE_CHECKING:
    from cameras.supervision.database_thread import DatabaseThread
    from cameras.supervision.ingester import Ingester
    from cameras.supervision.outbox import Outbox

LADDER_STEPS = Counter(
    "skycam_camera_ladder_steps", "Steps of the recovery ladder of a camera since its worker started.",
    ["camera", "step"],
)  # fmt: skip
OF_PROCESSES = {
    "frames": ("skycam_camera_frames", "Frames that the camera delivered since its worker started."),
    "lost": ("skycam_recording_frames_lost", "Frames that recording lost since the worker started."),
    "bytes": ("skycam_recording_written_bytes", "Bytes written to clips since the worker started."),
    "yielded": ("skycam_live_frames_yielded", "Frames that live view left to recording since the worker started."),
}
"""What ProcessCounters counts -> its metric."""


class HostCollector(Collector):
    """Reads what the threads of the worker hold, and waits for none of them."""

    def __init__(
        self,
        slots: Mapping[str, CameraSlot],
        counters: ProcessCounters,
        disks: DiskMeter,
        outbox: Outbox,
        ingester: Ingester,
        database: DatabaseThread,
    ) -> None:
        self._slots, self._counters, self._disks = slots, counters, disks
        self._outbox, self._ingester, self._database = outbox, ingester, database

    def collect(self) -> Iterator[Metric]:
        yield from self._of_processes()
        yield from self._of_disks()
        yield self._commands()
        yield GaugeMetricFamily(
            "skycam_outbox_length", "Writes to the database that wait in the worker.", value=len(self._outbox)
        )
        yield CounterMetricFamily(
            "skycam_outbox_lost", "Writes to the database that the worker dropped.", value=self._outbox.lost
        )
        yield GaugeMetricFamily(
            "skycam_ingest_waiting", "Reported records that wait for the database.", value=len(self._ingester)
        )
        away_since = self._database.away_since
        yield GaugeMetricFamily(
            "skycam_database_away_seconds", "How long the worker has not reached the database; 0: it reaches it.",
            value=0.0 if away_since is None else time.monotonic() - away_since,
        )  # fmt: skip

    def _of_processes(self) -> Iterator[Metric]:
        totals = self._counters.totals()
        for counted, (name, meaning) in OF_PROCESSES.items():
            family = CounterMetricFamily(name, meaning, labels=["camera"])
            for count, number in totals.items():
                if count.name == counted:
                    family.add_metric([count.camera], number)
            yield family
        encoded = CounterMetricFamily(
            "skycam_live_encoded", "Live pictures that the camera's process encoded since its worker started.",
            labels=["camera", "quality"],
        )  # fmt: skip
        for count, number in totals.items():
            if count.name == "encoded":
                encoded.add_metric([count.camera, count.label], number)
        yield encoded

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
        for slug, size in newest.spools.items():
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
        for slot in own_slots(self._slots):
            family.add_metric([slot.desired.slug], len(slot.outstanding))
        return family
