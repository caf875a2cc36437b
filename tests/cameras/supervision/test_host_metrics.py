"""What only the worker of a host knows: frames over restarts of processes, spools and disks, and what waits."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY

from cameras.supervision.disk_meter import DiskMeter
from cameras.supervision.event_writer import EventWriter
from cameras.supervision.outbox import Outbox
from cameras.supervision.process_counters import Count, ProcessCounters
from cameras.tables import ROOTS
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, write_records
from tests.harness.supervision.hosts import slots_of

FRAMES = Count("frames", "sky")
SLOT = cast(Any, SimpleNamespace(desired=SimpleNamespace(slug="sky")))


def process(pid: int) -> Any:
    return SimpleNamespace(identity=(pid, 0.0))


def report(frames: int, **more: Any) -> Any:
    return {"type": "state", "frames": frames, **more}


def recorder(clip: str, size: int, since: str, lost: int) -> dict[str, Any]:
    return {"recorder": {"clip": clip, "bytes": size, "since": since, "lost_frames": lost}}


@pytest.fixture
def counters() -> ProcessCounters:
    return ProcessCounters()


def test_frames_add_up_over_the_end_of_a_process(counters: ProcessCounters) -> None:
    counters.count_report(SLOT, process(1), report(100))
    counters.count_report(SLOT, process(1), report(150))
    counters.count_report(SLOT, process(2), report(30))
    counters.count_report(SLOT, process(2), report(40))
    assert counters.totals()[FRAMES] == 190


def test_a_process_that_delivers_as_much_as_its_predecessor_counts_too(counters: ProcessCounters) -> None:
    counters.count_report(SLOT, process(1), report(100))
    counters.count_report(SLOT, process(2), report(100))
    assert counters.totals()[FRAMES] == 200


def test_bytes_add_up_over_clips_and_lost_frames_over_recordings(counters: ProcessCounters) -> None:
    counters.count_report(SLOT, process(1), report(1, **recorder("a", 500, "20:00", 2)))
    counters.count_report(SLOT, process(1), report(2, **recorder("b", 700, "20:00", 3)))
    counters.count_report(SLOT, process(1), report(3, **recorder("c", 100, "21:00", 3)))
    totals = counters.totals()
    assert totals[Count("bytes", "sky")] == 1300
    assert totals[Count("lost", "sky")] == 6


def test_encoded_pictures_are_counted_by_quality(counters: ProcessCounters) -> None:
    live = {"live": {"frames": 9, "yielded": 2, "encoded": {"low": 3, "high": 4}, "lowered": 0}}
    counters.count_report(SLOT, process(1), report(9, **live))
    assert counters.totals()[Count("encoded", "sky", "high")] == 4
    assert counters.totals()[Count("yielded", "sky")] == 2


def test_a_report_without_a_recording_counts_its_frames(counters: ProcessCounters) -> None:
    counters.count_report(SLOT, process(1), report(5, recorder=None))
    assert counters.totals() == {FRAMES: 5}


@pytest.mark.django_db
def test_records_that_wait_are_measured_with_the_age_of_the_oldest(archive: Archive) -> None:
    first, _ = write_records(archive, capture_record(archive), capture_record(archive))
    an_hour_ago = time.time() - 3600
    os.utime(archive.spool / f"{first}.done", (an_hour_ago, an_hour_ago))
    meter = DiskMeter("main", slots_of(archive.desired()))
    meter.measure()
    size = meter.newest().spools["sim"]
    assert size.records == 2
    assert 3600 <= size.oldest_s < 3700


@pytest.mark.django_db
def test_the_disk_of_a_root_is_measured_while_it_is_mounted(archive: Archive) -> None:
    meter = DiskMeter("main", slots_of(archive.desired()))
    meter.measure()
    mounted = meter.newest().disks[str(archive.folder)]
    assert 0 < mounted.free_bytes < mounted.size_bytes
    archive.folder.rename(archive.folder.with_name("unmounted"))
    archive.folder.mkdir()
    meter.measure()
    assert meter.newest().disks == {}


@pytest.mark.django_db
def test_disks_are_measured_while_the_database_is_away(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = DiskMeter("main", slots_of(archive.desired()))
    meter.measure()
    monkeypatch.setitem(ROOTS, "all", f"{__name__}.away")
    monkeypatch.setattr("cameras.supervision.disk_meter.connection", SimpleNamespace(close=lambda: None))
    meter.measure()
    assert list(meter.newest().disks) == [str(archive.folder)]


def away(_host: str) -> Any:
    raise OperationalError("The database is away.")


def test_an_old_measurement_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = DiskMeter("main", {})
    monkeypatch.setattr("cameras.supervision.disk_meter.LIFE_S", 0.0)
    assert meter.newest().disks == {}


def test_steps_of_the_recovery_ladder_are_counted() -> None:
    labels = {"camera": "counted", "step": "reopen"}
    EventWriter(Outbox()).record_event(
        "camera.ladder", "It is reopened.", "warning", cast(Any, SimpleNamespace(slug="counted")), {"step": "reopen"}
    )
    assert REGISTRY.get_sample_value("skycam_camera_ladder_steps_total", labels) == 1
