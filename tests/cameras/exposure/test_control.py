"""The next settings from a measured frame."""

from __future__ import annotations

import json
from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import SettingRange
from cameras.exposure.control import BRIGHTEST_CHANNEL, ControlState, explain, first_state, next_state
from cameras.exposure.levels import Levels, from_linear, to_linear
from cameras.exposure.parameters import finite, parameters_of, total_ev
from cameras.exposure.settings import ExposureControl, ExposureControlRequest
from cameras.exposure.statistics import FrameStatistics, statistics_of
from tests.cameras.exposure.simulation import CAMERAS, control_for, simulate

RANGES = {"exposure_us": SettingRange("µs", 1, 3_600_000_000, 1), "gain": SettingRange("dB", 0, 40)}
UNDAMPED = {"damping": 0.0, "hysteresis_ev": 0.0}


def control(**changes: Any) -> ExposureControl:
    return ExposureControlRequest(**{"exposure_us": [20, 60_000_000], **UNDAMPED, **changes}).control()


def uniform(fraction: float, bits: int = 16) -> FrameStatistics:
    kind = np.uint8 if bits == 8 else np.uint16
    return statistics_of(np.full((20, 20), round(fraction * np.iinfo(kind).max), kind))


def coloured(red: int, green: int, blue: int) -> FrameStatistics:
    return statistics_of(np.full((20, 20, 3), (red, green, blue), np.uint8))


def partly(saturated: float) -> FrameStatistics:
    """The rest is grey."""
    frame = np.full(1000, 100, np.uint8)
    frame[: round(1000 * saturated)] = 255
    return statistics_of(frame.reshape(1, 1000))


def after(measured: FrameStatistics | None, exposure_us: Any = 1_000_000, **changes: Any) -> ControlState:
    """The state after a frame of one second, on a linear camera without gain."""
    used = {"exposure_us": exposure_us}
    given = control(**changes)
    return next_state(given, first_state(given, {"exposure_us": 1_000_000}, RANGES), measured, used, RANGES, "linear")


def steps_ev(state: ControlState) -> float:
    return log2(state["settings"]["exposure_us"] / state["before"]["exposure_us"])


def test_the_first_state_has_the_start_within_the_limits() -> None:
    limited = control(exposure_us=[1000, 2000], gain=[0, 10])
    assert first_state(limited, {"exposure_us": 1_000_000, "gain": 5}, RANGES)["settings"] == {
        "exposure_us": 2000,
        "gain": 5,
    }
    assert first_state(limited, {"gain": None}, RANGES)["settings"] == {"exposure_us": 1000, "gain": 0}


def test_a_frame_half_as_bright_as_the_target_doubles_the_exposure() -> None:
    assert after(uniform(0.2))["settings"]["exposure_us"] == pytest.approx(2_000_000, rel=0.01)


@pytest.mark.parametrize("measure", ["mean", "median"])
def test_a_frame_of_a_picture_to_be_seen_is_linearised(measure: str) -> None:
    given = control(measure=measure)
    state = first_state(given, {"exposure_us": 1_000_000}, RANGES)
    # Of sRGB, 0.5 is 21.4 % of the light and 0.4 is 13.3 %.
    found = next_state(given, state, uniform(0.5), state["settings"], RANGES, "srgb")
    assert found["settings"]["exposure_us"] == pytest.approx(1_000_000 * 0.1329 / 0.2140, rel=0.01)


def test_a_frame_made_before_the_last_change_asks_for_no_further_one() -> None:
    first = after(uniform(0.1))
    second = next_state(control(), first, uniform(0.1), {"exposure_us": 1_000_000}, RANGES, "linear")
    assert second["settings"] == first["settings"]


@pytest.mark.parametrize(("measure", "exposure_us"), [("median", 500_000), ("mean", 1_280_000)])
def test_the_chosen_measure_counts(measure: str, exposure_us: int) -> None:
    frame = np.full((10, 10), 204, np.uint8)
    frame[:4] = 0
    frame[4:5, :7] = 0  # 47 % of the pixels are black
    found = statistics_of(frame)
    expected = 1_000_000 * 0.4 / (0.8 if measure == "median" else 0.8 * 0.53)
    assert after(found, measure=measure)["settings"]["exposure_us"] == pytest.approx(expected, rel=0.01)


def test_a_percentile_can_be_the_measure() -> None:
    ramp = statistics_of(np.tile(np.arange(201, dtype=np.uint8), (10, 1)))
    found = after(ramp, measure="percentile", percentile=90)
    assert found["settings"]["exposure_us"] == pytest.approx(1_000_000 * 0.4 / (180 / 255), rel=0.02)


def test_damping_withholds_its_share_of_a_small_correction() -> None:
    assert steps_ev(after(uniform(0.4 / 2**0.3), damping=0.5)) == pytest.approx(0.3 * (1 - 0.5 * 0.9), abs=0.01)


def test_a_large_correction_is_not_damped() -> None:
    assert steps_ev(after(uniform(0.4 / 2**4), damping=0.95)) == pytest.approx(4, abs=0.02)


@pytest.mark.parametrize(("error_ev", "changed"), [(0.2, False), (-0.2, False), (0.3, True), (-0.3, True)])
def test_nothing_changes_while_the_error_is_smaller_than_the_hysteresis(error_ev: float, *, changed: bool) -> None:
    found = after(uniform(0.4 * 2**error_ev), hysteresis_ev=0.25)
    assert (found["settings"]["exposure_us"] != 1_000_000) == changed


def test_a_saturated_frame_steps_down_by_several_ev_and_more_the_more_is_saturated() -> None:
    steps = [steps_ev(after(partly(share), measure="percentile", percentile=90)) for share in (0.11, 0.4, 0.7, 1)]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == pytest.approx(-5, abs=0.01)


def test_some_saturated_pixels_leave_the_mean_what_it_is() -> None:
    state = after(partly(0.1), target=0.45)
    assert state["reason"] == "adjusted"
    assert abs(steps_ev(state)) < 0.1


def test_a_black_frame_steps_up_by_several_ev() -> None:
    assert steps_ev(after(uniform(0.009), target=0.02)) == pytest.approx(5, abs=0.01)
    assert after(uniform(0))["reason"] == "black"


def test_coloured_light_is_kept_from_saturating_its_channel() -> None:
    blue = coloured(10, 10, 254)
    assert steps_ev(after(blue)) <= -0.5
    assert steps_ev(after(coloured(10, 10, 240))) < 0.1


def test_the_brightest_channel_of_a_picture_to_be_seen_is_kept_below_its_limit_as_recorded() -> None:
    state = first_state(control(), {"exposure_us": 1_000_000}, RANGES)
    found = next_state(control(), state, coloured(10, 10, 200), state["settings"], RANGES, "srgb")
    times_the_light = found["settings"]["exposure_us"] / 1_000_000
    blue = from_linear(to_linear(200 / 255, "srgb") * times_the_light, "srgb")
    assert blue == pytest.approx(BRIGHTEST_CHANNEL, abs=0.005)


def test_the_gain_takes_what_the_exposure_cannot() -> None:
    found = after(uniform(0.1), exposure_us=1_000_000, gain=[0, 40])
    assert found["settings"] == {"exposure_us": pytest.approx(4_000_000, rel=0.01), "gain": 0}
    limited = control(exposure_us=[20, 1_000_000], gain=[0, 40])
    state = first_state(limited, {"exposure_us": 1_000_000, "gain": 0}, RANGES)
    gained = next_state(limited, state, uniform(0.1), state["settings"], RANGES, "linear")
    assert gained["settings"] == {"exposure_us": 1_000_000, "gain": pytest.approx(12.04, abs=0.05)}


def test_a_frame_that_could_not_be_measured_changes_nothing() -> None:
    nothing = Levels((0,) * 256)
    empty = FrameStatistics(0, 0, 0, 0, 0, 0, (0,) * 64, nothing, nothing)
    assert [after(found)["settings"] for found in (None, empty)] == [{"exposure_us": 1_000_000}] * 2
    assert after(None)["reason"] == "unmeasured"


@pytest.mark.parametrize("exposure_us", [None, float("nan"), "8 s", True, 0, -4, 10**400])
def test_without_a_usable_reported_setting_the_requested_one_counts(exposure_us: Any) -> None:
    assert after(uniform(0.2), exposure_us)["settings"] == after(uniform(0.2))["settings"]


def test_a_setting_that_the_camera_lacks_is_left_out() -> None:
    wide = control(gain=[0, 10], f_number=[2.8, 8])
    state = first_state(wide, {"exposure_us": 1000, "f_number": 4}, {"exposure_us": RANGES["exposure_us"]})
    assert state["settings"] == {"exposure_us": 1000}
    none = next_state(wide, first_state(wide, {}, {}), uniform(0.1), {}, {}, "linear")
    assert (none["settings"], none["reason"]) == ({}, "fixed")


def test_at_the_limits_nothing_changes_and_the_reason_says_so() -> None:
    limited = control(exposure_us=[20, 1_000_000])
    state = first_state(limited, {"exposure_us": 1_000_000}, RANGES)
    found = next_state(limited, state, uniform(0.1), state["settings"], RANGES, "linear")
    assert (found["settings"], found["reason"]) == ({"exposure_us": 1_000_000}, "limit")


def test_a_correction_smaller_than_a_step_of_the_camera_is_made_in_full() -> None:
    ranges = {"exposure_us": SettingRange("µs", choices=[1000, 2000, 4000, 8000])}
    slow = control(damping=0.9)
    state = first_state(slow, {"exposure_us": 2000}, ranges)
    found = next_state(slow, state, uniform(0.23), state["settings"], ranges, "linear")
    assert found["settings"] == {"exposure_us": 4000}


@pytest.mark.parametrize(
    ("start_us", "light_ev", "exposure_us"),
    [(2000, 0.7, 2000), (2000, 0.8, 4000), (4000, 0.3, 4000), (4000, 0.26, 4000), (4000, 0.2, 2000)],
)
def test_noise_between_two_values_of_a_camera_does_not_alternate_between_them(
    start_us: int, light_ev: float, exposure_us: int
) -> None:
    """From 2000 µs more than 0.75 EV lead to 4000 µs, from there less than 0.25 EV lead back."""
    ranges = {"exposure_us": SettingRange("µs", choices=[1000, 2000, 4000, 8000])}
    state = first_state(control(), {"exposure_us": start_us}, ranges)
    found = next_state(control(), state, uniform(0.4 / 2**light_ev), {"exposure_us": 2000}, ranges, "linear")
    assert found["settings"] == {"exposure_us": exposure_us}


# Any input

numbers = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.integers(), st.floats())
settings = st.dictionaries(st.sampled_from(["exposure_us", "gain", "iso", "f_number"]), numbers)
ranges = st.builds(
    SettingRange,
    unit=st.sampled_from(["", "dB", "µs"]),
    minimum=st.none() | st.floats() | st.integers(),
    maximum=st.none() | st.floats() | st.integers(),
    step=st.none() | st.floats(),
    choices=st.none() | st.lists(numbers, max_size=5),
    read_only=st.booleans(),
)
levels = st.lists(st.integers(0, 9), min_size=64, max_size=64).map(lambda counts: Levels(tuple(counts)))


@st.composite
def pairs(draw: st.DrawFn, least: float, most: float, *, whole: bool) -> list[Any]:
    value = st.integers(int(least), int(most)) if whole else st.floats(least, most)
    return sorted([draw(value), draw(value)])


@st.composite
def controls(draw: st.DrawFn) -> ExposureControl:
    measure = draw(st.sampled_from(["mean", "median", "percentile"]))
    limits: dict[str, Any] = {
        "exposure_us": draw(pairs(1, 3_600_000_000, whole=True)),
        "f_number": draw(st.none() | pairs(0.1, 128, whole=False)),
        **draw(
            st.fixed_dictionaries({"gain": pairs(0, 1000, whole=False)})
            | st.fixed_dictionaries({"iso": pairs(1, 10_000_000, whole=True)})
        ),
    }
    return ExposureControlRequest(
        **limits,
        target=draw(st.floats(0.02, 0.9)),
        measure=measure,
        percentile=draw(st.floats(0, 100)) if measure == "percentile" else None,
        damping=draw(st.floats(0, 0.95)),
        hysteresis_ev=draw(st.floats(0, 3)),
    ).control()


@given(
    given=controls(),
    start=settings,
    used=settings,
    allowed=st.dictionaries(st.sampled_from(["exposure_us", "gain", "iso", "f_number"]), ranges),
    luma=levels,
    peak=levels,
    transfer=st.sampled_from(["linear", "srgb"]),
)
def test_any_input_gives_settings_within_the_limits(
    given: Any, start: Any, used: Any, allowed: Any, luma: Levels, peak: Levels, transfer: Any
) -> None:
    measured = FrameStatistics(0, 0, 0, 0, 0.5, 0.5, (), luma, peak)
    first = first_state(given, start, allowed)
    second = next_state(given, first, measured, used, allowed, transfer)
    assert [*outside(given, allowed, first), *outside(given, allowed, second)] == []
    assert json.loads(json.dumps(second)) == second
    assert len(json.dumps(second)) < 400
    assert explain(second)


def outside(given: Any, allowed: dict[str, SettingRange], state: ControlState) -> list[str]:
    """The settings whose values the limits or the camera do not allow."""
    return [
        name
        for name, value in state["settings"].items()
        if not given[name][0] <= value <= given[name][1] or not has_value(allowed[name], value)
    ]


def has_value(allowed: SettingRange, value: float) -> bool:
    if allowed.read_only:
        return False
    if allowed.choices and value in allowed.choices:
        return True
    # Above the longest choice is bulb.
    longest = [one for one in allowed.choices or [] if finite(one) is not None]
    above = [*longest, finite(allowed.minimum)]
    below = finite(allowed.maximum)
    return all(one is None or one <= value for one in above) and (below is None or value <= below)


# Jumps of light


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("transfer", ["linear", "srgb"])
@pytest.mark.parametrize("jump_ev", [-12, -8, -3, 3, 8, 12])
def test_the_settings_settle_within_ten_frames_after_a_jump_of_light(camera: str, transfer: Any, jump_ev: int) -> None:
    given, allowed = control_for(CAMERAS[camera]), CAMERAS[camera]
    middle = 6.0 if camera == "machine vision" else 4.0
    run = simulate(
        given, allowed, lambda frame: middle + (jump_ev / 2 if frame > 2 else -jump_ev / 2), 40, transfer=transfer
    )
    wanted = run.totals[2] - jump_ev
    assert [total for total in run.totals[12:] if abs(total - wanted) > 1.2] == []
    assert len({*run.totals[14:]}) == 1


# Sentences


def test_the_last_step_is_explained() -> None:
    base = {"settings": {"exposure_us": 10_300_000}, "before": {"exposure_us": 8_000_000}, "target": 0.4}
    states: list[Any] = [
        {**base, "reason": "adjusted", "measured": 0.31, "share": 0.0},
        {**base, "reason": "steady", "measured": 0.41, "share": 0.0},
        {**base, "reason": "saturated", "measured": 1.0, "share": 0.93},
        {**base, "reason": "black", "measured": 0.0, "share": 1.0},
        {**base, "reason": "limit", "measured": 0.02, "share": 0.0},
        {**base, "reason": "first", "measured": None, "share": 0.0},
        {**base, "reason": "unmeasured", "measured": None, "share": 0.0},
        {**base, "reason": "fixed", "measured": 0.02, "share": 0.0, "settings": {}},
    ]
    assert [explain(state) for state in states] == [
        "0.31 of full scale, target 0.40: exposure 8 s -> 10.3 s",
        "0.41 of full scale, target 0.40: no change",
        "93% of the pixels saturated, target 0.40: exposure 8 s -> 10.3 s",
        "100% of the pixels black, target 0.40: exposure 8 s -> 10.3 s",
        "0.02 of full scale, target 0.40: the settings are at their limits: exposure 10.3 s",
        "No frame is measured yet: exposure 10.3 s",
        "The last frame could not be measured: exposure 10.3 s",
        "0.02 of full scale, target 0.40: the camera has no setting within the limits",
    ]


def test_each_setting_is_named_in_its_own_way() -> None:
    settings = {"exposure_us": 1000, "iso": 200, "gain": 3.14159, "f_number": 2.8}
    before = {"exposure_us": 1000, "iso": 100, "gain": 1, "f_number": 4}
    state: Any = {
        "settings": settings,
        "before": before,
        "reason": "adjusted",
        "measured": 0.1,
        "target": 0.4,
        "share": 0,
    }
    assert explain(state) == "0.10 of full scale, target 0.40: ISO 100 -> 200, gain 1 -> 3.14, f/4 -> f/2.8"


def test_the_total_of_a_state_is_the_light_of_its_settings() -> None:
    found = parameters_of(control_for(CAMERAS["dslr"]), CAMERAS["dslr"])
    darker, brighter = ({"exposure_us": us, "iso": 100, "f_number": 4} for us in (1_000_000, 2_000_000))
    assert total_ev(found, brighter) - total_ev(found, darker) == pytest.approx(1)
