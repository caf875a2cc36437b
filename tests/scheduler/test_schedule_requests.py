"""The parameters of a schedule."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.api.model import describe_error
from scheduler.schedules.resource import NightRequest, ScheduleRequest

DARK = {"name": "Dark sky", "cameras": ["sky"], "window": {"sun": "astronomical"}}


def test_a_name_of_a_twilight_is_an_altitude() -> None:
    request = ScheduleRequest(**{**DARK, "window": {"sun": "nautical", "end_offset_s": -600}})
    assert request.stored()["window"] == {"sun": -12.0, "begin_offset_s": 0.0, "end_offset_s": -600.0}


def test_a_window_by_the_clock() -> None:
    assert ScheduleRequest(**{**DARK, "window": {"begin": "20:00", "end": "05:30"}}).stored()["window"] == {
        "begin": "20:00", "end": "05:30",
    }  # fmt: skip


def test_only_what_is_given_of_a_programme_is_stored() -> None:
    request = ScheduleRequest(**{**DARK, "programme": {"exposure_us": 1000, "cadence_s": 60.0}})
    assert request.stored()["programme"] == {"exposure_us": 1000, "cadence_s": 60.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"window": {"sun": "dusk"}}, "must be sunset, civil, nautical, astronomical or a number of degrees."),
        ({"window": {"sun": -91}}, "greater than or equal to -90"),
        ({"window": {"begin": "24:00", "end": "05:00"}}, "pattern"),
        ({"window": {"sun": "civil", "begin_offset_s": 50_000}}, "43200"),
        ({"window": {}}, "window"),
        ({"cameras": []}, "at least 1 item"),
        ({"cameras": ["sky", "sky"]}, "has an entry twice."),
        ({"cameras": ["../x"]}, "pattern"),
        ({"name": ""}, "at least 1 item"),
        ({"moon": {}}, "Give max_phase, max_altitude or both"),
        ({"moon": {"max_phase": 2}}, "less than or equal to 1"),
        ({"weekdays": ["monday"]}, "mon"),
        ({"priority": 101}, "less than or equal to 100"),
        ({"first_night": "2027-02-02", "last_night": "2027-02-01"}, "last_night is before first_night."),
        ({"on_held": "stop"}, "wait"),
        ({"programme": {"windows": [["2030-01-01T00:00:00Z", "2030-01-02T00:00:00Z"]]}}, "belongs to the schedule"),
        ({"programme": {"until": "2030-01-01T00:00:00Z"}}, "belongs to the schedule"),
        ({"programme": {"name": "x"}}, "belongs to the schedule"),
        ({"programme": {"kind": "burst"}}, "The kind burst needs burst."),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ScheduleRequest(**{**DARK, **given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Give skip, begin or end."),
        ({"skip": True, "begin": "2027-01-01T20:00:00Z"}, "A night that is skipped has neither begin nor end."),
        ({"begin": "2027-01-01T20:00:00Z", "end": "2027-01-01T19:00:00Z"}, "end is not after begin."),
        ({"begin": "2027-01-01T20:00:00"}, "timezone"),
        ({"night": "tonight", "skip": True}, "date"),
    ],
)
def test_a_change_of_a_night_that_contradicts_itself_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NightRequest(**given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"window": {"begin": "00:00", "end": "24:00"}}, "must be a time of day such as 21:30."),
        ({"window": {"begin": "20:00"}}, "is missing."),
        ({"window": {"sun": 95}}, "must be at most 30."),
        ({"window": {}}, "is missing."),
        ({"programme": {"control": {"exposure_us": [1, 2], "target": 2}}}, "must be at most 0.9."),
        ({"programme": {"control": "automatic"}}, "must be 'fixed'."),
    ],
)
def test_only_the_errors_of_what_is_meant_are_reported(given: Any, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ScheduleRequest(**{**DARK, **given})
    [error] = caught.value.errors()
    assert describe_error(dict(error)) == words
