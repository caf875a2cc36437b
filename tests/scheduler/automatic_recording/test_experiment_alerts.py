"""Alerts about experiments that do not begin, and about cameras that record nothing for theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cameras.models import Camera
from captures.experiments.models import Experiment, ExperimentCamera
from core.events.models import Alert
from scheduler.automatic_recording.alerts import LATE, report_experiments

pytestmark = pytest.mark.django_db
NOON = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def running(camera: Camera) -> Experiment:
    """Since noon, with a camera that somebody else holds."""
    made = Experiment.objects.create(name="Dew", operator="ada", state="running", started_at=NOON, still_interval_s=5)
    message = "The camera is held by bob. Its stills begin when it is released."
    ExperimentCamera.objects.create(experiment=made, camera=camera, position=1, means="nothing", message=message)
    return made


def alerts(at: datetime) -> list[str]:
    report_experiments(at)
    return list(Alert.objects.exclude(state=Alert.State.RESOLVED).values_list("message", flat=True))


def test_a_planned_experiment_that_does_not_begin_is_an_alert_after_a_minute() -> None:
    Experiment.objects.create(name="Dew", operator="ada", planned_start=NOON, still_interval_s=5)
    assert alerts(NOON + LATE - SECOND) == []
    assert alerts(NOON + LATE) == [
        (
            "The experiment 'Dew' should have begun at 2027-01-15T12:00:00.000Z. "
            "Start it by hand, and look at the log of the station for the reason."
        )
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"state": "running", "started_at": NOON},
        {"state": "aborted", "ended_at": NOON},
        {"planned_start": NOON + 2 * LATE},
    ],
)
def test_the_alert_ends_when_the_experiment_begins_is_aborted_or_is_planned_for_later(
    change: dict[str, object],
) -> None:
    Experiment.objects.create(name="Dew", operator="ada", planned_start=NOON, still_interval_s=5)
    assert len(alerts(NOON + LATE)) == 1
    Experiment.objects.update(**change)
    assert alerts(NOON + LATE) == []


def test_a_camera_that_records_nothing_for_a_running_experiment_is_an_alert_with_the_reason(
    running: Experiment, camera: Camera
) -> None:
    assert alerts(NOON + LATE - SECOND) == []
    assert alerts(NOON + LATE) == [
        (
            f"{camera.slug} records nothing for the experiment 'Dew'. "
            "The camera is held by bob. Its stills begin when it is released."
        )
    ]
    assert Alert.objects.get().key == f"experiment.camera:{running.pk}:{camera.slug}"


def test_a_clock_that_was_set_back_does_not_put_off_the_alert(running: Experiment) -> None:
    assert len(alerts(NOON - timedelta(days=1))) == 1


def test_a_camera_whose_recording_was_never_requested_is_an_alert(running: Experiment, camera: Camera) -> None:
    ExperimentCamera.objects.update(means="", message="")
    assert alerts(NOON + LATE) == [
        (
            f"{camera.slug} records nothing for the experiment 'Dew'. "
            "Its recording could not be requested: the log of the station says why."
        )
    ]


@pytest.mark.parametrize("means", ["clips", "stills", "linked"])
def test_the_alert_ends_when_the_camera_records(running: Experiment, means: str) -> None:
    assert len(alerts(NOON + LATE)) == 1
    ExperimentCamera.objects.update(means=means)
    assert alerts(NOON + LATE) == []


@pytest.mark.parametrize("change", [{"state": "completed", "ended_at": NOON}, {"record": False}])
def test_an_experiment_that_should_not_record_has_no_alert(running: Experiment, change: dict[str, object]) -> None:
    assert len(alerts(NOON + LATE)) == 1
    Experiment.objects.update(**change)
    assert alerts(NOON + LATE) == []
