"""How many of the frames of its set rate a camera has delivered, for the alert rules."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from cameras.status.messages import absent_status
from cameras.status.status import write_status
from monitoring.alert_rules.host_signals import FrameDeliveries
from monitoring.alert_rules.rule import DEFAULT_RULES, Phase, Rule, RuleState, Signal, alert_sentence, evaluate
from tests.harness.rows.recorder_status import RECORDER

SLOW = {**RECORDER, "actual_fps": 4.7, "delivered_percent": 31.3}


@pytest.fixture
def streaming(camera: Camera) -> Camera:
    Camera.objects.update(kind="simulated")
    return camera


def delivery(server: Any, **status: Any) -> Signal:
    """The signal after this status of the camera."""
    absent = absent_status("sky", "connected", "")
    write_status(server, {**absent, "observed": "ready", **status})  # type: ignore[typeddict-item]
    [signal] = FrameDeliveries().signals("main")
    return signal


def rule() -> Rule:
    [columns] = [one for one in DEFAULT_RULES if one["name"] == "frames-missing"]
    return Rule(**{"subject": "*", **columns})


def test_a_recording_has_the_share_of_its_last_minute(streaming: Camera, valkey: Any) -> None:
    assert delivery(valkey, recorder=SLOW).value == 31.3


def test_a_camera_that_is_not_recorded_misses_no_frame(streaming: Camera, valkey: Any) -> None:
    assert delivery(valkey).value == 100


@pytest.mark.parametrize(
    "status",
    [
        {"recorder": {**RECORDER, "delivered_percent": None}},
        {"recorder": {**SLOW, "state": "waiting"}},
        {"observed": "host_down"},
    ],
    ids=["first minute", "no frame comes", "host down"],
)
def test_the_share_is_unknown(status: dict[str, Any], streaming: Camera, valkey: Any) -> None:
    assert delivery(valkey, **status).value is None


def test_less_than_90_percent_of_a_minute_opens_an_alert_until_95_percent_came_for_a_minute(
    streaming: Camera, valkey: Any
) -> None:
    slow = delivery(valkey, recorder=SLOW)
    opened = evaluate(rule(), RuleState(), slow.value, now=0.0)
    better = evaluate(rule(), evaluate(rule(), opened, 93.0, now=10.0), 99.0, now=20.0)
    assert opened.phase is Phase.FIRING
    assert evaluate(rule(), RuleState(), 91.0, now=0.0).phase is Phase.INACTIVE
    assert (better.phase, evaluate(rule(), better, 99.0, now=81.0).phase) == (Phase.CLEARING, Phase.INACTIVE)
    assert alert_sentence(rule(), slow, 0.0) == (
        "sky has delivered 31.3 % of the frames of its set rate in the last minute (limit 90 %). 15 frames a second "
        "are set, 4.7 came. See whether its exposure, its light, its cable or this machine makes it slow, or set a "
        "lower rate."
    )
