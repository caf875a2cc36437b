"""A day, a night and a day: usable frames, no oscillation, and restarts that change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cameras.exposure.simulation import CAMERAS, control_for, day_night_day, simulate
from tests.harness.runs.examples import examples

DEPTHS_EV = {"dslr": [20, 30], "full stops": [20], "bulb": [20, 30], "machine vision": [20, 22]}
"""10^6 to 10^9, as far as the limits of the camera's settings reach."""
MEASURES: list[dict[str, Any]] = [
    {},
    {"measure": "median"},
    {"damping": 0.0, "hysteresis_ev": 0.0},
    {"damping": 0.7, "hysteresis_ev": 0.5},
    {"measure": "percentile", "percentile": 90, "target": 0.5},
]
ONE_STEP_EV = 0.4
"""Of a camera with thirds of a stop. A change of one step may be noise where there is no hysteresis."""


@pytest.mark.parametrize("transfer", ["srgb", "linear"])
@pytest.mark.parametrize(("cadence_s", "delay"), [(10, 0), (10, 2), (60, 0), (60, 1), (60, 2)])
@pytest.mark.parametrize("camera", ["dslr", "bulb", "machine vision"])
def test_a_night_has_usable_frames_and_no_oscillation(camera: str, cadence_s: int, delay: int, transfer: Any) -> None:
    control, ranges = control_for(CAMERAS[camera]), CAMERAS[camera]
    light, frames = day_night_day(ranges, DEPTHS_EV[camera][-1], cadence_s)
    run = simulate(control, ranges, light, frames, transfer=transfer, delay=delay)
    assert run.bad_share <= 0.02
    assert run.alternations(control["hysteresis_ev"]) == []


@pytest.mark.parametrize("changes", MEASURES)
@pytest.mark.parametrize("camera", CAMERAS)
def test_other_settings_of_the_control_keep_the_frames_usable(camera: str, changes: dict[str, Any]) -> None:
    control, ranges = control_for(CAMERAS[camera], **changes), CAMERAS[camera]
    light, frames = day_night_day(ranges, DEPTHS_EV[camera][0], 30)
    run = simulate(control, ranges, light, frames, delay=1)
    assert run.bad_share <= 0.02
    assert run.alternations(max(control["hysteresis_ev"], ONE_STEP_EV)) == []


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_restart_at_any_frame_continues_identically(camera: str) -> None:
    control, ranges = control_for(CAMERAS[camera]), CAMERAS[camera]
    light, frames = day_night_day(ranges, 20, 60)
    whole, restarted = (
        simulate(control, ranges, light, frames, delay=1, restarts=restarts) for restarts in (False, True)
    )
    assert restarted.states == whole.states


@examples(15)
@given(
    camera=st.sampled_from(["dslr", "bulb", "machine vision"]),
    target=st.floats(0.1, 0.5),
    damping=st.floats(0, 0.7),
    hysteresis_ev=st.floats(0.1, 0.5),
    cadence_s=st.sampled_from([20, 30, 60]),
    delay=st.integers(0, 2),
)
@pytest.mark.slow
def test_any_usual_control_keeps_the_frames_of_a_night_usable(
    camera: str, target: float, damping: float, hysteresis_ev: float, cadence_s: int, delay: int
) -> None:
    ranges = CAMERAS[camera]
    control = control_for(ranges, target=target, damping=damping, hysteresis_ev=hysteresis_ev)
    light, frames = day_night_day(ranges, 20, cadence_s)
    run = simulate(control, ranges, light, frames, delay=delay)
    assert run.bad_share <= 0.02
    assert run.alternations(max(hysteresis_ev, ONE_STEP_EV)) == []


@pytest.mark.parametrize("camera", CAMERAS)
def test_constant_light_leaves_the_settings_alone(camera: str) -> None:
    control, ranges = control_for(CAMERAS[camera]), CAMERAS[camera]
    run = simulate(control, ranges, lambda frame: 5.0, 300)
    assert set(run.steps()[5:]) == {0.0}
