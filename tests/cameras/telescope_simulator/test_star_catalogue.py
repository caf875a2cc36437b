"""The stars of the simulated sky: always the same at the same place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.simulator.exposure_pixels import BRIGHTEST, FAINTEST, Stars, stars_around
from tests.harness.runs.examples import examples

RA = st.floats(0, 360)
DEC = st.floats(-90, 90)


def within(stars: Stars, ra: float, dec: float, radius_deg: float) -> set[tuple[float, float, float]]:
    """Positions and magnitudes of the stars that are no farther from a position."""
    ra_0, dec_0 = np.radians([ra, dec])
    ras, decs = np.radians(stars.ra), np.radians(stars.dec)
    cosine = np.sin(dec_0) * np.sin(decs) + np.cos(dec_0) * np.cos(decs) * np.cos(ras - ra_0)
    near = cosine >= np.cos(np.radians(radius_deg))
    return set(zip(stars.ra[near], stars.dec[near], stars.magnitude[near], strict=True))


@given(RA, DEC, st.floats(0.1, 3), st.floats(0, 360), st.floats(0, 2))
@examples(50)
def test_two_fields_that_overlap_have_the_same_stars_there(
    ra: float, dec: float, radius_deg: float, angle: float, shift: float
) -> None:
    shifted_dec = float(np.clip(dec + shift * np.sin(np.radians(angle)), -90, 90))
    alone = within(stars_around(ra, dec, radius_deg), ra, dec, radius_deg)
    wider = within(stars_around(ra, shifted_dec, radius_deg + shift + 0.01), ra, dec, radius_deg)
    assert alone == wider


@pytest.mark.parametrize(("ra", "dec"), [(0, 0), (359.99, 0.5), (82.5, -30), (180, 89.9), (10, -90)])
def test_a_square_degree_has_about_1200_stars(ra: float, dec: float) -> None:
    found = within(stars_around(ra, dec, 2), ra, dec, 2)
    assert len(found) == pytest.approx(1200 * np.pi * 4, rel=0.05)


def test_faint_stars_are_more_than_bright_ones() -> None:
    magnitude = stars_around(100, 20, 3).magnitude
    assert magnitude.min() > BRIGHTEST
    assert magnitude.max() < FAINTEST
    counts, _ = np.histogram(magnitude, np.arange(12, 20))
    assert list(counts) == sorted(counts)
