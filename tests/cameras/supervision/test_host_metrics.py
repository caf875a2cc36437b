"""What only the worker of a host knows: frames over restarts of processes, spools and disks, and what waits."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from django.db import OperationalError

from cameras.supervision.camera_slot import CameraSlots
from cameras.supervision.ingest import NO_FENCE
from cameras.supervision.metrics import DiskMeter, HostCollector
from cameras.supervision.outbox import Outbox
from cameras.supervision.process_counters import Count, ProcessCounters
from cameras.supervision.process_messages import EventWriter
from cameras.tables import ROOTS
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, write_records
from tests.harness.supervision.hosts import slots_of

FRAMES = Count("frames", "sky")
Samples = dict[tuple[str, ...], float]
SLOT = cast(Any, SimpleNamespace(desired=SimpleNamespace(slug="sky")))


def process(pid: int) -> Any:
    return SimpleNamespace(identity=(pid, 0.0))


def report(frames: int, **more: Any) -> Any:
    return {"type": "state", "frames": frames, **more}


def recorder(clip: str, size: int, since: str, lost: int) -> dict[str, Any]:
    return {"recorder": {"clip": clip, "bytes": size, "since": since, "lost_frames": lost, "holes": 2 * lost}}


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
    assert totals[Count("holes", "sky")] == 12


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
    assert 3600 <= size.oldest_s <= time.time() - an_hour_ago


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
    monkeypatch.setattr("cameras.supervision.metrics.connection", SimpleNamespace(close=lambda: None))
    meter.measure()
    assert list(meter.newest().disks) == [str(archive.folder)]


def away(_host: str) -> Any:
    raise OperationalError("The database is away.")


def test_an_old_measurement_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = DiskMeter("main", {})
    monkeypatch.setattr("cameras.supervision.metrics.LIFE_S", 0.0)
    assert meter.newest().disks == {}


def test_steps_of_the_recovery_ladder_are_counted(counters: ProcessCounters) -> None:
    camera = cast(Any, SimpleNamespace(slug="sky"))
    EventWriter(Outbox(NO_FENCE), counters).record_event(
        "camera.ladder", "It is reopened.", "warning", camera, {"step": "kill"}
    )
    assert counters.totals() == {Count("step", "sky", "kill"): 1}


def samples(slots: CameraSlots, counted: dict[Count, int] | None, disks: DiskMeter | None = None) -> Samples:
    """What the host says of its cameras: metric and labels -> value, each once."""
    stored = SimpleNamespace(totals=lambda: counted)
    database = SimpleNamespace(away_since=None)
    families = HostCollector(
        slots,
        cast(Any, stored),
        disks or DiskMeter("main", slots),
        Outbox(NO_FENCE),
        cast(Any, ()),
        cast(Any, database),
    ).collect()
    found = [((one.name, *one.labels.values()), one.value) for family in families for one in family.samples]
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.mark.django_db
def test_a_camera_that_has_done_nothing_yet_has_zeros(archive: Archive) -> None:
    found = samples(slots_of(replace(archive.desired(), presets={"medium": {}})), {})
    assert found["skycam_camera_frames_total", "sim"] == 0
    assert found["skycam_live_encoded_total", "sim", "medium"] == 0
    assert found["skycam_camera_ladder_steps_total", "sim", "quarantine"] == 0
    assert found["skycam_outbox_lost_total",] == 0
    assert found["skycam_capture_errors_total", "metrics_collection", ""] == 0


@pytest.mark.django_db
def test_counters_that_are_not_read_yet_are_left_out(archive: Archive) -> None:
    found = samples(slots_of(archive.desired()), None)
    assert [name for name, *_ in found if name.endswith("_total")] == []
    assert found["skycam_commands_outstanding", "sim"] == 0


@pytest.mark.django_db
def test_a_removed_camera_has_no_metrics_and_another_may_have_its_slug(archive: Archive) -> None:
    desired = archive.desired()
    removed = replace(desired, id=str(uuid4()), removed=True)
    assert samples(slots_of(removed), {Count("frames", "sim"): 9}).keys() == samples(slots_of(), {}).keys()
    found = samples(slots_of(desired, removed), {Count("frames", "sim"): 9})
    assert found["skycam_camera_frames_total", "sim"] == 9


@pytest.mark.django_db
def test_records_of_a_removed_camera_count_until_its_spool_is_empty(archive: Archive) -> None:
    slots = slots_of(replace(archive.desired(), removed=True), replace(archive.desired(), id=str(uuid4())))
    [record] = write_records(archive, capture_record(archive))
    meter = DiskMeter("main", slots)
    meter.measure()
    assert samples(slots, {}, meter)["skycam_spool_records", "sim"] == 1
    slots = slots_of(replace(archive.desired(), removed=True))
    (archive.spool / f"{record}.done").unlink()
    meter.measure()
    assert ("skycam_spool_records", "sim") not in samples(slots, {}, meter)
