"""Numbers that mounts and programs write."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.telescope_status.status import LIMITS, parse_number, read_value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        (" -29.257\n", -29.257),
        ("+.5", 0.5),
        ("9.5e-1", 0.95),
        ("12:30:36", 12.51),
        ("-0:30", -0.5),
        ("-29 15 25.2", -29.257),
        ("12;30", 12.5),
        ("007:06", 7.1),
    ],
)
def test_decimal_and_sexagesimal_numbers_are_read(text: str, number: float) -> None:
    assert parse_number(text) == pytest.approx(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "inf",
        "-",
        "1,5",
        "1_000",
        "0x10",
        "12:60",
        "12:30:60",
        "12:-30",
        "1:2:3:4",
        "٣",
        "1" * 61,
        "5 h",
    ],
)
def test_anything_else_is_no_number(text: str) -> None:
    assert parse_number(text) is None


@given(st.text() | st.from_regex(r"[-+0-9:;. eE]*"))
def test_no_text_gives_more_than_a_finite_number(text: str) -> None:
    found = parse_number(text)
    assert found is None or math.isfinite(found)


@given(
    st.sampled_from(sorted(LIMITS)),
    st.floats(-100, 100, allow_subnormal=False).filter(lambda one: one == 0 or abs(one) > 1e-90),
)
def test_a_value_within_its_limits_is_read_back(name: str, value: float) -> None:
    limits = LIMITS[name]
    expected = value if limits.least <= value <= limits.most else None
    assert read_value(name, f"{value:.17g}")[0] == pytest.approx(expected)


def test_a_value_that_cannot_be_is_unknown_with_a_sentence() -> None:
    assert read_value("ra", "99") == (None, "ra is 99; allowed is a number from 0 to 24 in hours.")
    assert read_value("dec", "\x1b[2J") == (None, "dec is [2J; allowed is a number from -90 to 90 in degrees.")
    assert read_value("ra", " ")[1] == "ra is empty; allowed is a number from 0 to 24 in hours."
