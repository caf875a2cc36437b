"""Durations of accounts, in which no second disappears."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.templatetags.skycam import exact_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.9, "0 s"),
        (59.99, "59 s"),
        (60, "1 min 0 s"),
        (473, "7 min 53 s"),
        (timedelta(hours=2, minutes=5), "2 h 5 min 0 s"),
        (90_061, "25 h 1 min 1 s"),
    ],
)
def test_every_second_is_shown(seconds: float, text: str) -> None:
    assert exact_duration(seconds) == text
