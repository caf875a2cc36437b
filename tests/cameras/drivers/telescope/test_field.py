"""Fields of the telescope's scheduler, and what they record of exposures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from scheduler.telescope.driver.field import (
    DARK_CODE,
    MAX_OBS_PER_FIELD,
    SKY_CODE,
    Field,
    FieldStatus,
    SelectionCode,
    SurveyCode,
)


@dataclass(frozen=True)
class Taken:
    filename: str = "20260101030000s"
    ut: float = 3.0
    jd: float = 2461041.625
    actual_exposure_s: float = 36.0


@pytest.mark.parametrize(
    ("code", "letter", "flag", "image_type"),
    [
        (-1, "?", "?", "unknown"),
        (0, "d", "N", "dark"),
        (1, "s", "Y", "sky"),
        (2, "f", "F", "focus"),
        (3, "p", "P", "offset"),
        (4, "e", "E", "pmskyflat"),
        (5, "m", "M", "amskyflat"),
        (6, "l", "L", "domeskyflat"),
        (7, "?", "?", "unknown"),
    ],
)
def test_a_field_has_the_names_of_its_kind(code: int, letter: str, flag: str, image_type: str) -> None:
    field = Field(expt=0.01, shutter=code)
    assert (field.letter, field.kind.flag, field.image_type) == (letter, flag, image_type)


def test_the_codes_are_those_of_the_c_scheduler() -> None:
    assert {status.name: status.value for status in FieldStatus} == {
        "TOO_LATE": -1,
        "NOT_DOABLE": 0,
        "READY": 1,
        "DO_NOW": 2,
    }
    assert [survey.name for survey in sorted(SurveyCode)] == ["NONE", "TNO", "SNE", "MUSTDO", "LIGO"]
    assert [code.value for code in SelectionCode] == list(range(13))


def test_a_field_needs_only_an_exposure_time_and_a_shutter_code() -> None:
    field = Field(0.01, SKY_CODE)
    assert (field.expt, field.shutter, field.n_done, field.n_required) == (0.01, SKY_CODE, 0, 1)
    assert field.ut == field.jd == field.lst == field.ha == field.am == field.actual_expt == field.filename == []


def test_two_fields_share_no_list() -> None:
    first, second = Field(0.01, SKY_CODE), Field(0.01, SKY_CODE)
    first.record_observation(Taken())
    assert second.ut == []


def test_the_constructors_of_sky_and_dark_fields_take_seconds() -> None:
    sky = Field.sky(5.5, -29.25, 60.0, interval_s=1800.0, n_required=3)
    assert (sky.shutter, sky.ra, sky.dec, sky.n_required) == (SKY_CODE, 5.5, -29.25, 3)
    assert (sky.expt, sky.interval) == pytest.approx((1 / 60, 0.5))
    dark = Field.dark(36.0, interval_s=360.0, n_required=10)
    assert (dark.shutter, dark.n_required) == (DARK_CODE, 10)
    assert (dark.expt, dark.interval) == pytest.approx((0.01, 0.1))


@pytest.mark.parametrize(
    ("line", "comment"),
    [
        ("5.5 -29.25 Y 60 1800 3 1 # NGC 1300 \n", "NGC 1300"),
        ("5.5 -29.25 Y 60 1800 3 1 # a # b", "a # b"),
        ("5.5 -29.25 Y 60 1800 3 1 #", ""),
        ("5.5 -29.25 Y 60 1800 3 1", ""),
        ("", ""),
    ],
)
def test_the_comment_follows_the_first_hash_of_the_line(line: str, comment: str) -> None:
    assert Field(0.01, SKY_CODE, script_line=line).comment == comment


def test_an_observation_is_recorded_in_hours_and_makes_the_next_one_due_after_the_interval() -> None:
    field = Field(0.01, SKY_CODE, interval=0.5)
    field.record_observation(Taken(), lst=4.5, ha=-1.25, am=1.5)
    assert (field.n_done, field.ut, field.jd) == (1, [3.0], [2461041.625])
    assert (field.lst, field.ha, field.am) == ([4.5], [-1.25], [1.5])
    assert field.actual_expt == pytest.approx([0.01])
    assert field.filename == ["20260101030000s"]
    assert field.jd_next == pytest.approx(2461041.625 + 0.5 / 24, abs=1e-9)


def test_a_file_name_keeps_the_room_for_its_nul() -> None:
    field = Field(0.01, SKY_CODE)
    field.record_observation(Taken(filename="20260101030000s_long"))
    assert field.filename == ["20260101030000s"]


def test_an_observation_replaces_a_bad_one_that_is_no_longer_counted() -> None:
    field = Field(0.01, SKY_CODE)
    field.record_observation(Taken(ut=3.0))
    field.record_observation(Taken(ut=4.0, filename="bad"))
    field.n_done -= 1
    field.record_observation(Taken(ut=5.0, filename="good"))
    assert (field.n_done, field.ut, field.filename) == (2, [3.0, 5.0], ["20260101030000s", "good"])


def test_the_lists_have_zeros_for_observations_that_only_the_number_says() -> None:
    field = Field(0.01, SKY_CODE, n_done=2)
    field.record_observation(Taken(ut=5.0), am=1.5)
    assert (field.n_done, field.ut, field.am) == (3, [0.0, 0.0, 5.0], [0.0, 0.0, 1.5])
    assert field.filename == ["", "", "20260101030000s"]


@pytest.mark.parametrize("n_done", [MAX_OBS_PER_FIELD, -1])
def test_a_field_without_room_for_an_observation_says_so(n_done: int) -> None:
    field = Field(0.01, SKY_CODE, field_number=17, n_done=n_done)
    with pytest.raises(ValueError, match=rf"Field 17 .* n_done is {n_done}, and a field has at most 100\."):
        field.record_observation(Taken())
    assert (field.n_done, field.ut) == (n_done, [])


def test_a_field_has_no_other_members() -> None:
    field: Any = Field(0.01, SKY_CODE)
    with pytest.raises(AttributeError):
        field.exposure = 1.0
