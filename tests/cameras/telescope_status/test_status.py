"""The header words of a status, and its sidereal time."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.telescope_status.status import TelescopeStatus, header_words, with_sidereal_time

EVENING = 1_800_043_200.0
"""2027-01-15 20:00:00Z, when the mean sidereal time of Greenwich is 3 h 40 min 10 s by astropy."""
GREENWICH_H = 3.66950


def test_header_words_have_four_decimals() -> None:
    status = TelescopeStatus(
        EVENING, lst=3.65, ha=-11.99996, ra=15.64996, dec=-29.257, focus=25.3, filter_name="r", filter_id="2"
    )
    assert header_words(status) == {
        "filterna": "r",
        "filterid": "2",
        "lst": "3.6500",
        "ha": "-12.0000",
        "tele-ra": "15.6500",
        "tele-dec": "-29.2570",
        "focus": "25.3000",
    }


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    assert set(header_words(TelescopeStatus(EVENING)).values()) == {"UNKNOWN"}
    assert header_words(TelescopeStatus(EVENING, ra=math.nan, focus=math.inf))["tele-ra"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("H Alpha", "H_Alpha"),
        ("Hβ 7nm", "H__7nm"),
        ('r\' "deep"\n', "r___deep_"),
        ("  ", "UNKNOWN"),
        ("", "UNKNOWN"),
        ("x" * 300, "x" * 68),
    ],
)
def test_a_filter_is_one_word_without_quotation_marks(name: str, word: str) -> None:
    assert header_words(TelescopeStatus(EVENING, filter_name=name))["filterna"] == word


numbers = st.none() | st.floats()
texts = st.none() | st.text()


@given(lst=numbers, ha=numbers, ra=numbers, dec=numbers, filter_name=texts, filter_id=texts)
def test_each_header_word_is_one_word(**values: object) -> None:
    words = header_words(TelescopeStatus(EVENING, **values))  # type: ignore[arg-type]
    assert [word for word in words.values() if not re.fullmatch(r"[!#-&(-_a-~]+", word)] == []


def test_the_sidereal_time_is_that_of_the_moment_and_the_longitude() -> None:
    assert with_sidereal_time(TelescopeStatus(EVENING), 0.0).lst == pytest.approx(GREENWICH_H, abs=0.001)
    assert with_sidereal_time(TelescopeStatus(EVENING), -30.0).lst == pytest.approx(GREENWICH_H - 2, abs=0.001)


def test_the_hour_angle_is_that_of_the_right_ascension() -> None:
    assert with_sidereal_time(TelescopeStatus(EVENING, ra=2.0), 0.0).ha == pytest.approx(GREENWICH_H - 2, abs=0.001)
    assert with_sidereal_time(TelescopeStatus(EVENING, ra=0.0), 0.0).ha == pytest.approx(GREENWICH_H, abs=0.001)
    assert with_sidereal_time(TelescopeStatus(EVENING), 0.0).ha is None


def test_what_the_source_says_itself_is_kept() -> None:
    found = with_sidereal_time(TelescopeStatus(EVENING, lst=1.5, ha=0.25, ra=2.0), 0.0)
    assert (found.lst, found.ha) == (1.5, 0.25)


def test_without_a_longitude_the_sidereal_time_is_unknown() -> None:
    found = with_sidereal_time(TelescopeStatus(EVENING, ra=2.0, problem="The focuser is gone."), None)
    assert (found.lst, found.ha) == (None, None)
    assert found.problem == (
        "The focuser is gone. The site has no longitude, so the sidereal time is unknown. Set `site.longitude`."
    )
