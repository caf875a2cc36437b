"""Dates and times as people write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times.time_parsing import InvalidDateTime, parse_datetime


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-21 02:07:10", "2026-11-21T02:07:10"),
        (" 2026-11-21  02:07 ", "2026-11-21T02:07:00"),
        ("2026-11-21T02:07:10", "2026-11-21T02:07:10"),
        ("2026-1-2 3:04", "2026-01-02T03:04:00"),
        ("2026-11-21", "2026-11-21T00:00:00"),
        ("2026-11-21 02:07:10.25", "2026-11-21T02:07:10.250000"),
        ("2026-11-21 02:07:10 UTC", "2026-11-21T02:07:10+00:00"),
        ("2026-11-21T02:07:10.123456789Z", "2026-11-21T02:07:10.123456+00:00"),
        ("2026-11-21 02:07-05:30", "2026-11-21T02:07:00-05:30"),
    ],
)
def test_a_date_and_time_is_read(text: str, found: str) -> None:
    assert parse_datetime(text).isoformat() == found


OTHER_FORMS = ["", "now", "11/21/2026", "21.11.2026 02:07", "2026-11-21 02", "2026-11-21 2:7", "٢٠٢٦-11-21"]
NOT_THERE = ["2026-02-30", "2026-11-21 24:00", "2026-11-21 02:60", "0000-01-01", "2026-11-21 02:07+99:00"]


@pytest.mark.parametrize("text", OTHER_FORMS)
def test_another_form_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(InvalidDateTime, match="Write it as 2026-11-21 02:07:10"):
        parse_datetime(text)


@pytest.mark.parametrize("text", NOT_THERE)
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(InvalidDateTime, match="There is no"):
        parse_datetime(text)


@given(st.integers(-2_000_000_000, 4_000_000_000))
def test_what_pages_write_is_read_again(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert parse_datetime(f"{moment:%Y-%m-%d %H:%M:%S} UTC") == moment


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidDateTime):
        assert parse_datetime(text).year >= 1
