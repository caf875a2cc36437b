"""The drawings of a scene: ahead of a stream, beside the thread of its frames."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from cameras.drivers.simulated.scenes.base import Moments
from tests.harness.waiting import eventually


class Drawings:
    """Notes which moment each thread has drawn. Those of `held` are not finished before `release`."""

    def __init__(self) -> None:
        self.threads: dict[float, int] = {}
        self.held: set[float] = set()
        self._released = threading.Event()

    def draw(self, moment_s: float) -> float:
        self.threads[moment_s] = threading.get_ident()
        if moment_s in self.held:
            self._released.wait()
        return moment_s

    def release(self) -> None:
        self._released.set()


@pytest.fixture
def drawings() -> Iterator[Drawings]:
    drawings = Drawings()
    yield drawings
    drawings.release()


@pytest.fixture
def moments(drawings: Drawings) -> Moments[float]:
    return Moments(2.0, drawings.draw)


def follows(moments: Moments[float], at_s: float, after: float) -> bool:
    """Whether a frame at this time has the moment `after` behind it."""
    return moments.around(at_s).after == after


def test_a_frame_lies_between_the_moments_around_it(moments: Moments[float]) -> None:
    eventually(lambda: follows(moments, 10.5, after=12.0), "the next moment is drawn")
    assert moments.around(10.5) == (10.0, 12.0, 0.25)


def test_the_thread_of_the_frames_draws_the_first_moment_alone(drawings: Drawings, moments: Moments[float]) -> None:
    for at_s in (1.5, 3.5, 5.5, 7.5, 9.5):
        eventually(partial(follows, moments, at_s, after=at_s + 0.5), "the next moment is drawn")
        eventually(partial(drawings.threads.__contains__, at_s + 2.5), "the one after it is drawn ahead")
    here = [moment for moment, thread in drawings.threads.items() if thread == threading.get_ident()]
    assert here == [0.0]
    assert sorted(drawings.threads) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]


def test_a_frame_does_not_wait_for_a_drawing_that_takes_long(drawings: Drawings, moments: Moments[float]) -> None:
    drawings.held = {2.0}
    assert moments.around(0.0) == (0.0, 0.0, 0.0)
    assert moments.around(1.9) == (0.0, 0.0, 0.95)


def test_an_older_time_is_drawn_again(drawings: Drawings, moments: Moments[float]) -> None:
    assert [moments.last(at) for at in (7.0, 3.9, 7.9)] == [6.0, 2.0, 6.0]
    assert list(drawings.threads) == [6.0, 2.0]


def test_what_fails_beside_the_frames_is_raised_by_the_frame_that_needs_it() -> None:
    def fail(moment_s: float) -> float:
        return 1 / (4 - moment_s)

    moments = Moments(2.0, fail)
    moments.around(1.0)
    with pytest.raises(ZeroDivisionError):
        (moments.around(2.0), moments.around(4.0))
