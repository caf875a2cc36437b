"""How long ago a camera that is to record gave its last frame."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from cameras.runtime.spec import waiting_recorder
from cameras.status.messages import absent_status
from cameras.status.status import write_status
from core.broker import broker
from monitoring.alert_rules.host_signals import FrameAges

WAITING = waiting_recorder({"kind": "manual", "requested_by": "anna"}, "")


class Ages:
    """The age of the camera's last frame, by a clock that the test sets."""

    def __init__(self, valkey: Any) -> None:
        self.valkey, self.now = valkey, 0.0
        self.ages = FrameAges(lambda: self.now)

    def at(self, now: float, last_frame: str | None = None, **status: Any) -> float | None:
        """The age after this status of the camera."""
        self.now = now
        absent = absent_status("sky", "connected", "")
        write_status(self.valkey, {**absent, "observed": "ready", "last_frame": last_frame, **status})
        self.valkey.persist(broker.key("status", "sky"))  # it expires soon, by another clock
        return self.without_status(now)

    def without_status(self, now: float) -> float | None:
        self.now = now
        (signal,) = self.ages.signals("main")
        return signal.value


@pytest.fixture
def ages(valkey: Any, camera: Camera) -> Ages:
    Camera.objects.update(kind="simulated")
    return Ages(valkey)


def test_an_idle_camera_misses_no_frame(ages: Ages) -> None:
    assert [ages.at(0), ages.at(60, "2026-11-22T20:00:00Z"), ages.at(120, "2026-11-22T20:00:00Z")] == [0, 0, 0]


def test_the_age_begins_with_the_recording(ages: Ages) -> None:
    assert ages.at(60) == 0
    assert [ages.at(100, recorder=WAITING), ages.at(130, recorder=WAITING)] == [0, 30]


def test_a_frame_from_before_the_start_may_be_older(ages: Ages) -> None:
    ages.at(0, "2026-11-22T20:00:00Z", recorder=WAITING)
    assert next(ages.ages.signals("main")).is_at_least
    ages.at(1, "2026-11-22T20:00:01Z", recorder=WAITING)
    assert not next(ages.ages.signals("main")).is_at_least


def test_each_new_frame_is_age_zero(ages: Ages) -> None:
    ages.at(0, "2026-11-22T20:00:00Z", recorder=WAITING)
    assert ages.at(10, "2026-11-22T20:00:00Z", recorder=WAITING) == 10
    assert ages.at(11, "2026-11-22T20:00:11Z", recorder=WAITING) == 0


def test_the_end_of_a_recording_is_the_end_of_its_age(ages: Ages) -> None:
    ages.at(0, recorder=WAITING)
    assert [ages.at(40, recorder=WAITING), ages.at(41)] == [40, 0]


def test_a_camera_that_is_to_record_grows_older_while_its_worker_is_away(ages: Ages) -> None:
    Camera.objects.update(recording="manual")
    ages.at(0, "2026-11-22T20:00:00Z")
    ages.valkey.flushall()
    assert ages.without_status(40) == 40


def test_without_a_status_the_age_of_another_camera_is_not_known(ages: Ages) -> None:
    assert ages.without_status(0) is None
