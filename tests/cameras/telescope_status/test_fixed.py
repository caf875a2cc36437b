"""A source of constants."""

from __future__ import annotations

import pytest

from cameras.telescope_status.sources import SourceContext, create_source
from core.sky.sidereal import hour_angle, local_sidereal_hours
from tests.harness.clocks.clock import SteppingClock


def test_constants_are_read_back(context: SourceContext) -> None:
    values = {"lst": 1.0, "ha": -2.0, "ra": 3.0, "dec": -30.0, "focus": 25.3, "filter_name": "r", "filter_id": "2"}
    found = create_source("fixed", values, context).read(0)
    assert {name: getattr(found, name) for name in values} == values
    assert (found.is_slewing, found.is_adjusting, found.problem) == (False, False, "")


def test_what_is_not_set_is_unknown_or_computed(context: SourceContext, clock: SteppingClock) -> None:
    source = create_source("fixed", {"ra": 3.0}, context)
    clock.advance(3600)
    found, lst = source.read(0), local_sidereal_hours(clock.wall_ns() / 1e9, -70.7295)
    assert (found.dec, found.focus, found.filter_name) == (None, None, None)
    assert found.lst == pytest.approx(lst)
    assert found.ha == pytest.approx(hour_angle(lst, 3.0))
