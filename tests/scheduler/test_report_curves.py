"""Curves of a night keep every extreme, in at most 600 points."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from scheduler.reports.curves import MOST_POINTS, Point, charts_of, reduce_points
from scheduler.reports.ledger import CaptureRow

COUNTS = st.integers(MOST_POINTS + 1, 3 * MOST_POINTS)
DEVIATING = st.dictionaries(st.integers(0, 3 * MOST_POINTS - 1), st.floats(-1e6, 1e6), max_size=20)


def noise(seed: int, count: int, deviating: dict[int, float]) -> list[float]:
    """A thousand numbers that were drawn one by one would take most of the time of the test."""
    random = Random(seed)
    return [deviating.get(number, random.uniform(-1, 1)) for number in range(count)]


@given(values=st.builds(noise, st.integers(), COUNTS, DEVIATING), step=st.floats(0.001, 100))
def test_the_reduced_curve_has_the_extremes_and_the_order(values: list[float], step: float) -> None:
    points: list[Point] = [(1.8e9 + number * step, value) for number, value in enumerate(values)]
    found = reduce_points(points)
    assert len(found) <= MOST_POINTS
    assert set(found) <= set(points)
    assert found == sorted(found, key=lambda point: point[0])
    kept = [value for _, value in found]
    assert (min(kept), max(kept)) == (min(values), max(values))


def test_a_single_deviating_capture_of_20000_stays() -> None:
    points: list[Point] = [(float(number), 1.0) for number in range(20_000)]
    points[12_345] = (12_345.0, 99.0)
    assert (12_345.0, 99.0) in reduce_points(points)


def test_few_points_stay_as_they_are() -> None:
    points: list[Point] = [(0.0, 1.0), (1.0, 2.0)]
    assert reduce_points(points) == points


def test_settings_of_0_have_a_chart_as_well() -> None:
    f_numbers = [0.0, 2.8, 4.0]  # a lens without electronics is recorded as f/0
    captures = [capture_of(number, f_number) for number, f_number in enumerate(f_numbers)]
    [chart] = [chart for chart in charts_of(captures) if chart.title == "f-number"]
    assert [chart.height_of(value) for value in f_numbers] == sorted(chart.height_of(value) for value in f_numbers)
    assert not chart.is_logarithmic


def capture_of(number: int, f_number: float) -> CaptureRow:
    return CaptureRow(
        camera=uuid4(), session=None, status="saved", reason="", message="", clock="synchronised",
        at=datetime(2027, 1, 14, 18, tzinfo=UTC) + timedelta(minutes=number), exposure_us=1000, gain=None, iso=None,
        f_number=f_number, temperature=None, mean=None, saturated=None,
    )  # fmt: skip
