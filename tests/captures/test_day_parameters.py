"""Times in the addresses of pages."""

from __future__ import annotations

from datetime import time

import pytest

from captures.days import parse_clock


@pytest.mark.parametrize(
    ("text", "expected"),
    [("22:30", time(22, 30)), ("22:30:15", time(22, 30, 15)), ("", None), ("22:30+05:00", None), ("22:30Z", None)],
)
def test_a_time_of_another_clock_is_none(text: str, expected: time | None) -> None:
    assert parse_clock(text) == expected
