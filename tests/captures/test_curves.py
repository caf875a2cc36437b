"""Curves as SVG geometry, and the points that they are drawn from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from cameras.models import Camera
from captures.curves import HEIGHT, WIDTH, Scale, line_of, log_scale
from captures.models import Capture, Session
from captures.pages.camera.exposure_panel import exposure_points

BEGIN = datetime(2027, 1, 15, 18, 0, tzinfo=UTC)
END = BEGIN + timedelta(hours=10)
SHARE = Scale(0.0, 1.0)


def minutes(*numbers: float) -> list[tuple[datetime, float]]:
    """A sample of 0.5 at each minute after BEGIN."""
    return [(BEGIN + timedelta(minutes=number), 0.5) for number in numbers]


def add_captures(session: Session, number: int, spacing: timedelta = timedelta(seconds=10), **fields: Any) -> None:
    Capture.objects.bulk_create(
        Capture(
            camera=session.camera, session=session, index=index, status="saved", exposure_us=1000 + index,
            started_at=BEGIN + index * spacing, statistics={"mean": 0.4, "saturated": 0.01}, **fields,
        )
        for index in range(number)
    )  # fmt: skip


@pytest.fixture
def session(camera: Camera) -> Session:
    found: Session = Session.objects.create(camera=camera, programme={"exposure_us": 1000}, state="running")
    return found


def test_a_line_goes_from_edge_to_edge() -> None:
    samples = [(BEGIN, 0.0), (BEGIN + timedelta(hours=5), 0.5), (END, 1.0)]
    assert line_of("brightness", samples, BEGIN, END, SHARE).parts == ["0,100 500,50 1000,0"]


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    assert len(line_of("brightness", minutes(0, 1, 2, 60, 61), BEGIN, END, SHARE).parts) == 2


def test_usual_pauses_do_not_break_a_line() -> None:
    assert len(line_of("brightness", minutes(0, 20, 40, 60, 80), BEGIN, END, SHARE).parts) == 1


def test_a_point_alone_is_visible() -> None:
    assert line_of("brightness", minutes(60), BEGIN, END, SHARE).parts == ["99,50 101,50"]


def test_samples_outside_the_time_are_left_out() -> None:
    assert line_of("brightness", minutes(-10, 700), BEGIN, END, SHARE).parts == []


def test_a_log_scale_has_whole_powers_of_ten() -> None:
    scale = log_scale([50.0, 20_000_000.0])
    assert (scale.low, scale.high) == (10.0, 100_000_000.0)
    assert scale.y_of(31_622.7766) == pytest.approx(HEIGHT / 2, abs=0.1)


def test_a_log_scale_of_one_value_is_one_power_wide() -> None:
    scale = log_scale([1000.0])
    assert scale.high == 10 * scale.low


@given(
    st.lists(
        st.tuples(
            st.timedeltas(timedelta(0), timedelta(hours=10)), st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1e-300])
        ),
        max_size=50,
    )
)
def test_all_of_a_line_is_inside_of_its_drawing(given_samples: list[tuple[timedelta, float]]) -> None:
    samples = sorted((BEGIN + after, value) for after, value in given_samples)
    scale = log_scale(value for _, value in samples)
    places = [
        tuple(map(float, place.split(",")))
        for part in line_of("x", samples, BEGIN, END, scale).parts
        for place in part.split()
    ]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)


def test_points_are_chosen_evenly_from_all_captures(session: Session) -> None:
    add_captures(session, 1801)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        points = exposure_points(session.camera, BEGIN, END)
    assert len(queries) == 2
    assert len(points) <= 600
    assert [point.exposure_us for point in points[:3]] == [1000, 1004, 1008]
    assert points[-1].at > BEGIN + timedelta(seconds=18_000 - 40)


def test_few_captures_are_all_points_with_what_they_used(session: Session) -> None:
    add_captures(session, 3, iso=800, f_number=2.8)
    points = exposure_points(session.camera, BEGIN, END)
    assert points[0].used == {"exposure_us": 1000, "iso": 800, "f_number": 2.8}
    assert (points[0].brightness, points[0].statistics.get("median"), points[0].saturated) == (0.4, None, 0.01)
    assert len(points) == 3


def test_of_a_bracket_only_its_reference_is_a_point(session: Session) -> None:
    add_captures(session, 1801)
    points = exposure_points(session.camera, BEGIN, END, cycle=3, shot=1)
    assert {(point.exposure_us - 1000) % 3 for point in points} == {1}
    assert 200 < len(points) <= 600


def test_single_pictures_and_lost_captures_are_no_points(session: Session) -> None:
    Capture.objects.create(camera=session.camera, status="saved", exposure_us=1000, started_at=BEGIN)
    Capture.objects.create(
        camera=session.camera, session=session, index=0, status="failed", reason="overrun", started_at=BEGIN
    )
    assert exposure_points(session.camera, BEGIN, END) == []
