"""A horizon as people write it."""

from __future__ import annotations

import pytest

from core.sky.horizon_text import parse_horizon


def test_pairs_of_azimuth_and_altitude() -> None:
    assert parse_horizon("0:5, 90:12.5,270:-1") == ((0.0, 5.0), (90.0, 12.5), (270.0, -1.0))


@pytest.mark.parametrize("text", ["", "5", "360:1", "0:91", "0:-6", "a:1", "0:nan", "nan:1", "0:1,0:2", "0:1,"])
def test_what_is_no_horizon_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"site\.horizon"):
        parse_horizon(text)
