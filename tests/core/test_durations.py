"""Exposures and durations as people write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.templatetags.skycam import exposure
from core.times.durations import (
    LONGEST_EXPOSURE_US,
    InvalidDuration,
    InvalidExposure,
    format_exposure,
    format_rounded_exposure,
    parse_duration,
    parse_exposure,
)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("8 s", 8_000_000),
        ("8s", 8_000_000),
        ("1,5 s", 1_500_000),
        (".5 s", 500_000),
        ("250 ms", 250_000),
        ("10ms", 10_000),
        ("20 µs", 20),
        ("20 μs", 20),
        ("20us", 20),
        ("1/50 s", 20_000),
        ("1/100", 10_000),
        ("1 / 1.3 s", 769_231),
        ('30"', 30_000_000),
        ("30 S", 30_000_000),
    ],
)
def test_an_exposure_with_its_unit_is_parsed(text: str, microseconds: int) -> None:
    assert parse_exposure(text) == microseconds


@pytest.mark.parametrize("text", ["2", "0.5", "1,5"])
def test_a_number_without_a_unit_is_refused_with_both_readings(text: str) -> None:
    with pytest.raises(InvalidExposure, match=rf"{text} s or {text} ms"):
        parse_exposure(text)


def test_a_plain_number_is_seconds_if_the_caller_allows_it() -> None:
    assert parse_exposure("2", bare="s") == 2_000_000


@pytest.mark.parametrize(
    "text", ["", "s", "fast", "1/0", "-1 s", "0 s", "1/2/3", "2 h", "1e9 s", "3601 s", "nan s", "\uff12 s"]
)
def test_an_invalid_exposure_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(InvalidExposure, match=r" s\b"):
        parse_exposure(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12),
        ("12 s", 12),
        ("0", 0),
        ("500 ms", 0.5),
        ("90 min", 5400),
        ("2h", 7200),
        ("1 h 30 min", 5400),
        ("1,5 h", 5400),
    ],
)
def test_a_duration_is_parsed(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1", "1 h 30", "2 fortnights", "1:30", "inf", "1 h, 2 min"])
def test_an_invalid_duration_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(InvalidDuration, match="2 h"):
        parse_duration(text)


@given(st.integers(1, LONGEST_EXPOSURE_US))
def test_an_exposure_reads_back_as_it_was_written(microseconds: int) -> None:
    assert parse_exposure(format_exposure(microseconds)) == pytest.approx(microseconds, rel=1e-8, abs=1)


@given(st.text(max_size=60))
def test_any_text_is_an_exposure_or_an_error(text: str) -> None:
    with suppress(InvalidExposure):
        assert 1 <= parse_exposure(text) <= LONGEST_EXPOSURE_US


@given(st.text(max_size=60))
def test_any_text_is_a_duration_or_an_error(text: str) -> None:
    with suppress(InvalidDuration):
        assert parse_duration(text) >= 0


@pytest.mark.parametrize(("microseconds", "text"), [(36_084, "36.1 ms"), (8_000_000, "8 s"), (33, "33 µs")])
def test_an_exposure_that_nobody_types_again_has_three_figures(microseconds: float, text: str) -> None:
    assert format_rounded_exposure(microseconds) == text
    assert exposure(microseconds) == text
