"""The simulated telescope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.telescope_status.simulated import SimulatedSource
from cameras.telescope_status.sources import CanPoint, Site, SourceContext, StatusError, create_source
from core.sky.sidereal import hour_angle
from tests.harness.clocks.clock import SteppingClock


def simulated(context: SourceContext, **settings: Any) -> SimulatedSource:
    source = create_source("simulated", settings, context)
    assert isinstance(source, SimulatedSource)
    return source


@pytest.fixture
def telescope(context: SourceContext) -> SimulatedSource:
    return simulated(context)


def test_it_can_be_pointed(telescope: SimulatedSource) -> None:
    assert isinstance(telescope, CanPoint)


def test_until_it_is_pointed_the_sky_passes_over_its_zenith(context: SourceContext, clock: SteppingClock) -> None:
    telescope = simulated(context)
    before = telescope.read(0)
    clock.advance(3600)
    after = telescope.read(0)
    assert (before.ha, after.ha, after.dec) == (0, 0, context.site.latitude)
    assert hour_angle(after.ra or 0, before.ra or 0) == pytest.approx(1.00274, abs=1e-5)


def test_a_tracked_star_moves_to_the_west(telescope: SimulatedSource, clock: SteppingClock) -> None:
    telescope.point(5.5, -30.0, 0)
    clock.advance(120)
    before = telescope.read(0)
    clock.advance(3600)
    after = telescope.read(0)
    assert (before.ra, before.dec, after.ra, after.dec) == (5.5, -30.0, 5.5, -30.0)
    assert hour_angle(after.ha or 0, before.ha or 0) == pytest.approx(1.00274, abs=1e-5)


def test_a_slew_takes_the_time_of_its_way(context: SourceContext, clock: SteppingClock) -> None:
    telescope = simulated(context, slew_deg_per_s=2)
    telescope.point(23.0, 10.0, 0)
    clock.advance(200)
    telescope.point(1.0, 20.0, 0)
    clock.advance(7.5)
    halfway = telescope.read(0)
    assert (halfway.ra, halfway.dec, halfway.is_slewing) == (pytest.approx(0.0), pytest.approx(15.0), True)
    clock.advance(7.5)
    reached = telescope.read(0)
    assert (reached.ra, reached.dec, reached.is_slewing) == (1.0, 20.0, False)


@given(st.floats(0, 24), st.floats(-90, 90), st.floats(0, 100))
def test_each_position_of_a_slew_is_on_the_sky(ra: float, dec: float, after_s: float) -> None:
    clock = SteppingClock()
    telescope = simulated(SourceContext(clock, Site(-29.257, -70.7295)))
    telescope.point(ra, dec, 0)
    clock.advance(after_s)
    found = telescope.read(0)
    assert found.ra is not None
    assert found.dec is not None
    assert 0 <= found.ra < 24
    assert -90 <= found.dec <= 90


def test_focus_and_filter_are_set_at_once(context: SourceContext) -> None:
    telescope = simulated(context, filters=["g", "r"])
    telescope.focus(25.3, 0)
    telescope.select_filter("r", 0)
    found = telescope.read(0)
    assert (found.focus, found.filter_name, found.filter_id, found.is_adjusting) == (25.3, "r", "2", False)
    telescope.select_filter("1", 0)
    assert telescope.read(0).filter_name == "g"


@pytest.mark.parametrize(
    ("move", "sentence"),
    [
        (lambda one: one.point(24.5, 0, 0), "The right ascension 24.5 h is not valid; allowed is 0 h to 24 h."),
        (lambda one: one.point(0, -91, 0), "The declination -91° is not valid; allowed is -90° to 90°."),
        (lambda one: one.point(float("nan"), 0, 0), "The right ascension nan h is not valid; allowed is 0 h to 24 h."),
        (lambda one: one.focus(1e9, 0), "The focus position 1e+09 is not valid; allowed is -1e+07 to 1e+07."),
        (lambda one: one.select_filter("U", 0), "The filter wheel has no filter 'U'; it has g, r, i, z."),
        (lambda one: one.select_filter("5", 0), "The filter wheel has no filter '5'; it has g, r, i, z."),
    ],
)
def test_what_cannot_be_is_refused(
    telescope: SimulatedSource, move: Callable[[SimulatedSource], None], sentence: str
) -> None:
    before = telescope.read(0)
    with pytest.raises(StatusError) as error:
        move(telescope)
    assert str(error.value) == sentence
    assert telescope.read(0) == before


def test_without_a_site_its_right_ascension_is_unknown_until_it_is_pointed(clock: SteppingClock) -> None:
    telescope = simulated(SourceContext(clock, Site()))
    assert (telescope.read(0).ra, telescope.read(0).lst) == (None, None)
    telescope.point(5.5, -30.0, 0)
    clock.advance(60)
    found = telescope.read(0)
    assert (found.ra, found.dec, found.ha) == (5.5, -30.0, None)
