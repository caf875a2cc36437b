"""What will prevent the runs of a night although they are planned."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from django.utils import timezone

from cameras.models import Camera, CameraHost
from cameras.runtime.messages import AgendaStatus
from cameras.status import status
from cameras.status.messages import Status, absent_status
from captures.models import CaptureFile, Session, StorageAssignment, StorageRoot
from core.times.timestamps import stamp
from scheduler.models import PlannedRun, Schedule
from scheduler.runs.replanning import replan
from scheduler.tonight.night import NightWarning, night_for
from scheduler.tonight.warnings import warnings_of
from skycam_project.access.models import User
from tests.harness.clients.pages import text_of
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.gates import CLOSED

pytestmark = pytest.mark.django_db
AFTERNOON = datetime(2027, 1, 15, 13, 0, tzinfo=UTC)
MUNICH = {"latitude": 48.1, "longitude": 11.6, "elevation": 500.0, "time_zone": "Europe/Berlin"}


class Usage(NamedTuple):
    free: int


@pytest.fixture(autouse=True)
def run(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> PlannedRun:
    """A run of the coming night, planned a minute ago."""
    CameraHost.objects.update_or_create(name=camera.host, defaults={"site": MUNICH})
    monkeypatch.setattr(timezone, "now", lambda: AFTERNOON)
    programme = {"exposure_us": 1000, "cadence_s": 60.0}
    schedule = Schedule.objects.create(name="Dark sky", programme=programme, window={"sun": -18.0})
    schedule.cameras.add(camera)
    replan(AFTERNOON)
    PlannedRun.objects.update(created_at=AFTERNOON - timedelta(minutes=1))
    found: PlannedRun = PlannedRun.objects.order_by("begins_at")[0]
    return found


@pytest.fixture
def sizes(camera: Camera, root: StorageRoot) -> CaptureFile:
    """A capture of 1 GB: the 700 pictures of the night need 700 GB."""
    StorageAssignment.objects.create(host=camera.host, storage_class="captures", root=root)
    return file_of(saved(camera), root, bytes=10**9)


def ready(run: PlannedRun, **fields: Any) -> Status:
    agenda = AgendaStatus(runs=1, next_run=str(run.pk), next_at=stamp(run.begins_at))
    return {**absent_status("sky", "connected"), "observed": "ready", "reason": "", "agenda": agenda, **fields}  # type: ignore[typeddict-item]


def warnings(statuses: Mapping[str, Status] | None, **wanted: Any) -> list[NightWarning]:
    manager, _ = User.objects.get_or_create(username="mary", role="manager")
    return warnings_of(night_for(manager, **wanted), statuses, timezone.now())


def reasons(statuses: Mapping[str, Status] | None, **wanted: Any) -> list[tuple[str, str]]:
    return [(one.severity, one.reason) for one in warnings(statuses, **wanted)]


def test_a_ready_camera_that_holds_the_run_has_no_warning(run: PlannedRun) -> None:
    assert warnings({"sky": ready(run)}) == []


def test_a_disabled_camera_is_an_error(run: PlannedRun, camera: Camera) -> None:
    Camera.objects.update(enabled=False)
    [found] = warnings({"sky": ready(run, observed="disabled")})
    assert (found.severity, found.reason, found.camera) == ("error", "camera_disabled", camera)
    assert found.message == "Sky is disabled: enable it."


def test_a_disconnected_camera_is_an_error(run: PlannedRun) -> None:
    Camera.objects.update(connected=False)
    assert reasons({"sky": ready(run)}) == [("error", "camera_disconnected")]


@pytest.mark.parametrize(
    ("observed", "severity", "reason"),
    [
        ("quarantined", "error", "camera_quarantined"),
        ("reconnecting", "warning", "camera_unreachable"),
        ("starting", "warning", "camera_unreachable"),
        ("host_down", "error", "host_down"),
    ],
)
def test_a_camera_that_cannot_expose_is_named(run: PlannedRun, observed: str, severity: str, reason: str) -> None:
    assert reasons({"sky": ready(run, observed=observed)}) == [(severity, reason)]


def test_the_cause_of_a_quarantine_is_said(run: PlannedRun) -> None:
    [found] = warnings({"sky": ready(run, observed="quarantined", reason="It failed 5 times.")})
    assert found.message == "Sky is quarantined: It failed 5 times."


def test_a_camera_without_a_status_has_a_host_that_is_down() -> None:
    assert reasons({}) == [("error", "host_down")]


def test_without_the_broker_nothing_is_claimed_about_cameras() -> None:
    assert reasons(None) == [("warning", "broker")]


def test_a_process_without_the_run_in_its_agenda_is_an_error(run: PlannedRun) -> None:
    [found] = warnings({"sky": ready(run, agenda=AgendaStatus(runs=0, next_run=None, next_at=None))})
    assert (found.severity, found.reason) == ("error", "agenda")
    assert "does not hold the next run (Dark sky, 18:3" in found.message


def test_a_process_whose_run_begins_at_another_time_is_an_error(run: PlannedRun) -> None:
    late = AgendaStatus(runs=1, next_run=str(run.pk), next_at=stamp(run.begins_at + timedelta(hours=1)))
    assert reasons({"sky": ready(run, agenda=late)}) == [("error", "agenda")]


def test_a_process_without_a_storage_root_is_an_error(run: PlannedRun) -> None:
    [found] = warnings({"sky": ready(run, agenda=None)})
    assert "its storage root is not open" in found.message


def test_a_run_that_was_planned_just_now_may_be_on_its_way(run: PlannedRun) -> None:
    PlannedRun.objects.update(created_at=AFTERNOON)
    assert warnings({"sky": ready(run, agenda=AgendaStatus(runs=0, next_run=None, next_at=None))}) == []


def test_a_process_that_waits_with_an_earlier_run_is_not_behind(run: PlannedRun) -> None:
    due = AgendaStatus(runs=2, next_run="another", next_at=stamp(AFTERNOON - timedelta(minutes=5)))
    assert warnings({"sky": ready(run, agenda=due)}) == []


def test_a_closed_gate_is_a_warning(run: PlannedRun) -> None:
    [found] = warnings({"sky": ready(run, gates=[CLOSED, {**CLOSED, "open": True}])})
    assert (found.severity, found.reason) == ("warning", "unsafe")
    assert found.message == "Sky takes no pictures now. The gate rain is closed: 0.4 is above 0.2."


def test_a_disk_without_room_is_an_error(run: PlannedRun, sizes: CaptureFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(600 * 10**9))
    [found] = warnings({"sky": ready(run)})
    assert (found.severity, found.reason) == ("error", "disk_full")
    assert "need about 69" in found.message


def test_the_reserve_of_the_disk_is_not_room(
    run: PlannedRun, sizes: CaptureFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = night_for(User.objects.create_user("max", role="manager")).runs[0].amount.bytes
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(needed or 0))
    assert reasons({"sky": ready(run)}) == [("error", "disk_full")]


def test_cameras_share_the_room_of_a_disk(
    run: PlannedRun, camera: Camera, sizes: CaptureFile, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Camera.objects.create(slug="dome", name="Dome", kind="simulated", host=camera.host)
    file_of(saved(other), root, bytes=10**9)
    Schedule.objects.get().cameras.add(other)
    replan(AFTERNOON)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000 * 10**9))
    found = next(one.message for one in warnings(None) if one.reason == "disk_full")
    assert found.startswith("The runs of Dome, Sky need about 1.4 TB;")


def test_what_a_run_has_written_needs_no_room(
    run: PlannedRun, sizes: CaptureFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    Session.objects.create(id=run.pk, camera=run.camera, programme=run.programme, state="running")
    monkeypatch.setattr(timezone, "now", lambda: run.ends_at - timedelta(hours=1))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * 10**9))
    assert warnings({"sky": ready(run)}) == []


@pytest.mark.parametrize(
    ("settings", "free", "expected"),
    [
        ({"keep_on_card": True}, 600 * 10**9, [("error", "card_full")]),
        ({"keep_on_card": True}, 800 * 10**9, []),
        ({}, 600 * 10**9, []),
        ({}, 2 * 10**9, [("error", "card_full")]),
        ({"keep_on_card": True, "capture_target": "memory"}, 0, []),
    ],
)
def test_the_room_of_the_card(
    run: PlannedRun,
    sizes: CaptureFile,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    free: int,
    expected: list[tuple[str, str]],
) -> None:
    Camera.objects.update(settings=settings)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**15))
    assert reasons({"sky": ready(run, card_free_bytes=free)}) == expected


def test_errors_come_first(run: PlannedRun) -> None:
    found = reasons({"sky": ready(run, gates=[CLOSED], agenda=None)})
    assert found == [("error", "agenda"), ("warning", "unsafe")]


def test_a_night_whose_runs_are_over_has_no_warnings(run: PlannedRun) -> None:
    Session.objects.create(id=run.pk, camera=run.camera, programme=run.programme, state="stopped")
    assert warnings({}) == []


def test_a_dry_run_has_no_warnings() -> None:
    assert warnings({}, night=date(2027, 1, 17)) == []


def test_the_page_and_the_api_show_the_warnings(run: PlannedRun, viewer: Any, valkey: Any) -> None:
    status.write_status(valkey, ready(run, gates=[CLOSED]))
    page = text_of(viewer.get("/tonight/"))
    assert "Sky takes no pictures now." in page
    assert 'href="/cameras/sky/">Open Sky</a>' in page
    assert viewer.get("/api/v1/tonight/").data["warnings"] == [
        {
            "severity": "warning",
            "reason": "unsafe",
            "message": "Sky takes no pictures now. The gate rain is closed: 0.4 is above 0.2.",
            "camera": "sky",
        }
    ]


def test_the_page_without_the_broker_says_what_is_unknown(viewer: Any) -> None:
    assert "it is unknown whether the cameras are ready" in text_of(viewer.get("/tonight/"))
