"""The capture time of a picture: never after its arrival, and not at the end of a stall that delayed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import SystemClock
from cameras.drivers.network.packet_buffer import CaptureClock
from cameras.drivers.network.reader import Reader
from tests.harness.waiting import PATIENCE_S

seconds = st.floats(0, 100, width=32)


def captured(arrived: list[float], stamps: list[float | None], parsed: int = 0) -> list[float]:
    clock = CaptureClock(parsed)
    return [clock.captured(*both) for both in zip(arrived, stamps, strict=True)]


def test_without_time_stamps_the_arrival_is_the_capture_time() -> None:
    assert captured([10.0, 10.5, 11.0], [None, None, None]) == [10.0, 10.5, 11.0]


def test_packets_delayed_by_a_stall_keep_the_cameras_times() -> None:
    times = captured([10.0, 10.1, 13.0, 13.0, 13.0], [0.0, 0.1, 0.2, 0.3, 0.4])
    assert times == pytest.approx([10.0, 10.1, 10.2, 10.3, 10.4], abs=0.01)


def test_a_packet_that_is_seen_to_be_complete_later_was_captured_earlier() -> None:
    times = captured([10.0, 10.1, 10.2, 10.3], [0.0, 0.1, 0.2, 0.3], parsed=1)
    assert times[1:] == pytest.approx([10.0, 10.1, 10.2], abs=0.01)


def test_a_late_first_packet_is_caught_up_with() -> None:
    times = captured([10.5, 10.51, 10.52, 10.53], [0.0, 0.1, 0.2, 0.3])
    assert times[-1] <= 10.53


@pytest.mark.parametrize("again", [0.0, -7.0, 90_000.0], ids=["from its beginning", "back", "far on"])
def test_a_camera_that_sets_its_clock_does_not_set_ours(again: float) -> None:
    times = captured([10.0, 10.1, 10.2, 10.3], [5.0, 5.1, again, again + 0.1])
    assert times == pytest.approx([10.0, 10.1, 10.2, 10.3], abs=0.01)


def test_a_camera_whose_clock_is_slow_stays_with_ours() -> None:
    ours = np.arange(0.0, 3600.0, 0.1)
    assert captured(list(ours), list(ours * 0.9995))[-1] == pytest.approx(ours[-1], abs=0.1)


@pytest.mark.parametrize("slower", [0.003, 0.02])
def test_a_camera_that_sends_slower_than_its_time_stamps_is_followed(slower: float) -> None:
    stamped = np.arange(0.0, 1200.0, 0.04)
    ours = stamped * (1 + slower)
    times = np.array(captured(list(ours), list(stamped)))
    assert (ours - times).max() < 0.3
    assert np.diff(times).max() < 0.05


def test_a_stall_of_a_camera_with_a_slow_clock_is_dated_right() -> None:
    stamped = np.arange(0.0, 60.0, 0.04)
    ours = stamped * 1.003
    arrived = np.where((ours > 40) & (ours < 49), 49.0, ours)
    assert captured(list(arrived), list(stamped)) == pytest.approx(list(ours), abs=0.3)


def test_a_camera_whose_clock_stands_still_half_the_time_is_not_left_behind() -> None:
    ours = np.arange(0.0, 600.0, 0.1)
    assert captured(list(ours), list(ours / 2))[-1] > ours[-1] - 11


@given(waits=st.lists(seconds, min_size=1, max_size=30), stamps=st.data())
def test_times_increase_and_are_never_in_the_future(waits: list[float], stamps: st.DataObject) -> None:
    arrived = [float(moment) for moment in 1000 + np.cumsum(waits)]
    stamp = st.one_of(st.none(), st.floats(-1e6, 1e6))
    stamped = stamps.draw(st.lists(stamp, min_size=len(waits), max_size=len(waits)))
    times = captured(arrived, stamped, parsed=1)
    assert np.all(np.diff(times) > 0)
    assert np.all(np.array(times) <= np.array(arrived) + 1e-4)


class Odd:
    """A connection whose packets cannot be read."""

    parsed, timed = 0, True
    is_closed = False

    def packets(self) -> Iterator[str]:
        raise TypeError("The time of a packet is no number.")

    def interrupt(self) -> None: ...

    def close(self) -> None:
        self.is_closed = True


def test_packets_that_cannot_be_read_end_the_connection_with_an_error() -> None:
    odd: Any = Odd()
    reader = Reader(odd, SystemClock())
    reader.wait(0, PATIENCE_S)
    reader.close()
    assert "could not be read (TypeError); Skycam reopens the camera." in str(reader.failure)
    assert odd.is_closed
