"""An alert for each run that does not begin, with the reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cameras.leases import acquire_lease
from cameras.models import Camera, CameraHost
from captures.models import Session
from captures.sessions.models import SessionState
from core.events.models import Alert
from core.times.timestamps import stamp
from scheduler.models import PlannedRun
from scheduler.runs.agendas import LATE, report_late_runs

pytestmark = pytest.mark.django_db
DUSK = datetime(2027, 1, 15, 17, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def run(camera: Camera) -> PlannedRun:
    """From dusk, two windows of an hour each, with an hour between them."""
    Camera.objects.filter(pk=camera.pk).update(observed="ready")
    camera.refresh_from_db()
    windows = [(DUSK, DUSK + HOUR), (DUSK + 2 * HOUR, DUSK + 3 * HOUR)]
    return PlannedRun.objects.create(
        camera=camera, name="Dark sky", programme={"exposure_us": 1000, "cadence_s": 60.0}, begins_at=DUSK,
        ends_at=DUSK + 3 * HOUR, windows=[[stamp(begin), stamp(end)] for begin, end in windows], created_by="planner",
    )  # fmt: skip


def begin(run: PlannedRun, state: SessionState) -> None:
    Session.objects.create(id=run.pk, camera=run.camera, programme=run.programme, state=state)


def alerts(at: datetime) -> list[str]:
    report_late_runs(at)
    return list(Alert.objects.exclude(state=Alert.State.RESOLVED).values_list("message", flat=True))


def test_a_run_that_does_not_begin_is_an_alert_after_five_minutes(run: PlannedRun) -> None:
    assert alerts(DUSK + LATE - timedelta(seconds=1)) == []
    [late] = alerts(DUSK + LATE)
    assert late == (
        f"The run Dark sky of {run.camera.slug} should have begun at 2027-01-15 17:00:00 UTC. "
        "Its camera process has not begun it."
    )


def test_the_alert_ends_when_the_run_begins(run: PlannedRun) -> None:
    alerts(DUSK + LATE)
    begin(run, SessionState.RUNNING)
    assert alerts(DUSK + HOUR) == []


def test_the_alert_ends_with_the_run(run: PlannedRun) -> None:
    alerts(DUSK + LATE)
    assert alerts(DUSK + 3 * HOUR) == []


def test_a_session_that_waits_inside_of_its_window_is_an_alert(run: PlannedRun) -> None:
    begin(run, SessionState.WAITING)
    assert len(alerts(DUSK + HOUR / 2)) == 1


def test_a_session_that_waits_between_its_windows_is_none(run: PlannedRun) -> None:
    begin(run, SessionState.WAITING)
    assert alerts(DUSK + 1.5 * HOUR) == []


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"enabled": False}, "The camera is disabled: enable it."),
        ({"connected": False}, "The camera is disconnected: connect it."),
        ({"observed": "host_down"}, "Its host main does not answer."),
        ({"observed": "reconnecting", "observed_reason": "No answer."}, "The camera is reconnecting. No answer."),
    ],
)
def test_the_alert_says_why(run: PlannedRun, fields: dict[str, Any], why: str) -> None:
    Camera.objects.filter(pk=run.camera_id).update(**fields)
    assert alerts(DUSK + LATE)[0].endswith(why)


def test_the_alert_says_who_holds_the_camera(run: PlannedRun) -> None:
    acquire_lease(run.camera, "anna", for_s=3600)
    assert alerts(DUSK + LATE)[0].endswith("It waits because the camera is held by anna.")


def test_the_alert_names_the_session_that_holds_the_camera(run: PlannedRun) -> None:
    Session.objects.create(
        camera=run.camera, name="focus", programme=run.programme, created_by="anna", state=SessionState.RUNNING
    )
    assert alerts(DUSK + LATE)[0].endswith("held by anna with the session focus.")


def test_a_removed_camera_has_no_late_runs(run: PlannedRun) -> None:
    Camera.objects.filter(pk=run.camera_id).update(removed_at=DUSK)
    assert alerts(DUSK + LATE) == []


def test_the_host_of_the_camera_need_not_be_known(run: PlannedRun) -> None:
    CameraHost.objects.all().delete()
    assert len(alerts(DUSK + LATE)) == 1
