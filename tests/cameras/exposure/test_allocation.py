"""The distribution of light over the camera's settings."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import SettingRange
from cameras.exposure.parameters import Parameter, allocate, parameters_of, resolution_ev, total_ev
from tests.cameras.exposure.simulation import BULB, CAMERAS, DSLR, FULL_STOPS, MACHINE_VISION, control_for

CONTINUOUS = {
    "exposure_us": SettingRange("µs", 20, 30_000_000),
    "iso": SettingRange("", 100, 6400),
    "f_number": SettingRange("", 2.8, 16),
}
FINEST_EV = {"dslr": 0.4, "full stops": 1.1, "bulb": 0.4, "machine vision": 0.1}


def parameters(ranges: dict[str, SettingRange], **changes: Any) -> list[Parameter]:
    return parameters_of(control_for(ranges, **changes), ranges)


def ends(found: list[Parameter]) -> tuple[float, float]:
    return sum(one.low_ev for one in found), sum(one.high_ev for one in found)


def allocated(ranges: dict[str, SettingRange], above_darkest: float, **changes: Any) -> dict[str, Any]:
    found = parameters(ranges, **changes)
    return allocate(found, ends(found)[0] + above_darkest)


def test_for_more_light_exposure_grows_first_then_iso_then_the_aperture() -> None:
    limits = {"exposure_us": [1000, 2000], "iso": [100, 200], "f_number": [4, 8]}
    steps = [allocated(CONTINUOUS, above, **limits) for above in (0, 1, 2, 4)]
    assert [list(one.values()) for one in steps] == [[1000, 100, 8], [2000, 100, 8], [2000, 200, 8], [2000, 200, 4]]


def test_another_order_is_followed() -> None:
    limits = {"exposure_us": [1000, 2000], "iso": [100, 200], "f_number": [4, 8]}
    order = ["f_number", "iso", "exposure_us"]
    assert allocated(CONTINUOUS, 2, **limits, order=order) == {"f_number": 4, "iso": 100, "exposure_us": 1000}


def test_one_ev_of_gain_is_6_db_where_the_gain_is_in_db_and_a_factor_of_2_elsewhere() -> None:
    linear = {"exposure_us": SettingRange("µs", 20, 20), "gain": SettingRange("", 1, 100)}
    decibels = {"exposure_us": SettingRange("µs", 20, 20), "gain": SettingRange("dB", 0, 40)}
    assert allocated(linear, 3, gain=[1, 100])["gain"] == 8
    assert allocated(decibels, 3)["gain"] == pytest.approx(18.06, abs=0.01)


def test_the_exposure_takes_what_the_aperture_cannot() -> None:
    ranges = {"exposure_us": CONTINUOUS["exposure_us"], "f_number": SettingRange("", choices=[2.8, 4, 5.6, 8])}
    found = parameters(ranges, exposure_us=[1000, 8_000_000], f_number=[2.8, 8])
    wanted = total_ev(found, {"exposure_us": 8_000_000, "f_number": 8}) + 0.3
    settings = allocate(found, wanted)
    assert settings["f_number"] == 5.6
    assert total_ev(found, settings) == pytest.approx(wanted, abs=0.001)


def test_an_exposure_longer_than_the_longest_choice_is_a_bulb_exposure() -> None:
    found = parameters(BULB, exposure_us=[20, 600_000_000], iso=[100, 100], f_number=[4, 4])
    settings = allocate(found, total_ev(found, {"exposure_us": 123_456_789, "iso": 100, "f_number": 4}))
    assert settings["exposure_us"] == pytest.approx(123_456_789, abs=200)


def test_a_coarse_setting_is_kept_while_the_light_moves_around_its_limit() -> None:
    ranges = {"exposure_us": CONTINUOUS["exposure_us"], "f_number": FULL_STOPS["f_number"]}
    found = parameters(ranges, exposure_us=[1000, 8_000_000], f_number=[2.8, 4])
    border = total_ev(found, {"exposure_us": 8_000_000, "f_number": 4})
    current: dict[str, float] = allocate(found, border + 0.1)
    shifts = (-0.1, 0.1, -0.5, 0.1, -0.6, -0.8)
    f_numbers = [(current := allocate(found, border + shift, current))["f_number"] for shift in shifts]
    assert f_numbers == [2.8, 2.8, 2.8, 2.8, 2.8, 4]


@pytest.mark.parametrize(
    ("ranges", "step"),
    [(DSLR, 0.35), (FULL_STOPS, 1.0), (MACHINE_VISION, 0.0)],
    ids=["thirds", "full stops", "continuous"],
)
def test_the_resolution_is_that_of_the_finest_setting(ranges: dict[str, SettingRange], step: float) -> None:
    found = parameters(ranges)
    assert resolution_ev(found, allocate(found, sum(ends(found)) / 2)) == pytest.approx(step, abs=0.04)


def test_a_fine_setting_without_room_does_not_fill_the_gaps_of_a_coarse_one() -> None:
    ranges = {**FULL_STOPS, "exposure_us": CONTINUOUS["exposure_us"]}
    found = parameters(ranges, exposure_us=[1000, 1100], iso=[100, 800], f_number=[4, 4])
    assert resolution_ev(found, allocate(found, sum(ends(found)) / 2)) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("camera", CAMERAS)
@given(share=st.floats(-0.2, 1.2))
def test_settings_are_always_values_of_the_camera_within_the_limits(camera: str, share: float) -> None:
    ranges, limits = CAMERAS[camera], control_for(CAMERAS[camera])
    found = parameters_of(limits, ranges)
    low, high = ends(found)
    settings = allocate(found, low + share * (high - low))
    assert [name for name, value in settings.items() if not is_allowed(ranges[name], limits[name], value)] == []  # type: ignore[literal-required]


def is_allowed(allowed: SettingRange, limits: list[float], value: float) -> bool:
    choices, longest = allowed.choices or [value], max(allowed.choices or [0])
    is_value = value in choices or value > longest
    return is_value and limits[0] <= value <= limits[1] and (allowed.minimum or 0) <= value <= (allowed.maximum or inf)


@given(low=st.floats(0, 1), more=st.floats(0, 1))
def test_more_light_never_gives_darker_settings(low: float, more: float) -> None:
    found = parameters(CONTINUOUS)
    darkest, brightest = ends(found)
    totals = [darkest + share * (brightest - darkest) for share in (low, low + more)]
    first, second = (total_ev(found, allocate(found, total)) for total in totals)
    # An ISO and a microsecond are whole.
    assert second >= first - 0.04


@pytest.mark.parametrize("camera", CAMERAS)
@given(share=st.floats(0, 1))
def test_the_light_of_the_settings_is_the_wanted_light_up_to_half_a_step(camera: str, share: float) -> None:
    found = parameters(CAMERAS[camera])
    low, high = ends(found)
    wanted = low + share * (high - low)
    settings = allocate(found, wanted)
    assert abs(total_ev(found, settings) - wanted) <= FINEST_EV[camera] / 2 + 0.01


@pytest.mark.parametrize("camera", CAMERAS)
@given(share=st.floats(0, 1))
def test_the_light_of_settings_gives_these_settings_again(camera: str, share: float) -> None:
    found = parameters(CAMERAS[camera])
    low, high = ends(found)
    settings = allocate(found, low + share * (high - low))
    again = allocate(found, total_ev(found, settings), settings)
    assert total_ev(found, again) == pytest.approx(total_ev(found, settings), abs=1e-3)


ODD_RANGES = {
    "reversed": SettingRange("µs", 5000, 1000),
    "outside the limits": SettingRange("µs", 1, 10),
    "read-only": SettingRange("µs", 20, 30_000, read_only=True),
    "no choices": SettingRange("µs", choices=[]),
    "texts": SettingRange("µs", choices=["auto", None, True, nan, 10**400]),
    "between two steps": SettingRange("µs", 0, 1_000_000, 600),
}


@pytest.mark.parametrize("name", ODD_RANGES)
def test_a_setting_without_a_value_within_the_limits_is_left_out(name: str) -> None:
    ranges = {"exposure_us": ODD_RANGES[name]}
    assert parameters(ranges, exposure_us=[700, 1100]) == []


@pytest.mark.parametrize("step", [nan, inf, 0, -5, 1e-300, None])
@pytest.mark.parametrize("minimum", [nan, -inf, -1.7e308, 0, None])
def test_odd_limits_of_a_camera_do_not_matter(minimum: float | None, step: float | None) -> None:
    found = parameters({"exposure_us": SettingRange("µs", minimum, inf, step)}, exposure_us=[700, 1100])
    assert 700 <= allocate(found, 9.9)["exposure_us"] <= 1100


def test_a_setting_without_limits_is_not_moved() -> None:
    assert list(allocated({"exposure_us": CONTINUOUS["exposure_us"], "iso": SettingRange()}, 0, iso=None)) == [
        "exposure_us"
    ]


def test_a_step_of_the_camera_is_kept() -> None:
    found = parameters({"exposure_us": SettingRange("µs", 100, 100_000, 100)}, exposure_us=[150, 1_000_000])
    assert allocate(found, 0) == {"exposure_us": 200}
    assert allocate(found, 10.0) == {"exposure_us": 1000}
