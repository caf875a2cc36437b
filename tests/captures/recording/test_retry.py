"""How long a recorder waits after a clip that could not be written."""

from __future__ import annotations

from captures.recordings.recorder.failures import Failure, RetryDelay, RetryTimer
from tests.harness.clocks.clock import SteppingClock


def test_the_delay_doubles_for_an_encoder_that_keeps_failing_at_once() -> None:
    delay = RetryDelay()
    assert [delay.next_s("camera_error", 0.0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_an_encoder_that_worked_longer_than_its_delay_is_retried_soon() -> None:
    delay = RetryDelay()
    assert [delay.next_s("camera_error", wrote_s) for wrote_s in (0.0, 0.0, 5.0)] == [1, 2, 1]


def test_a_disk_is_retried_each_second() -> None:
    delay = RetryDelay()
    assert [delay.next_s(reason, 0.0) for reason in ("camera_error", "write_error", "write_error")] == [1, 1, 1]


def test_nothing_is_tried_until_the_delay_is_over_or_ended() -> None:
    clock = SteppingClock()
    timer = RetryTimer(clock.monotonic)
    timer.start(Failure("write_error", ""), 0.0)
    found = [timer.is_due]
    clock.advance(1.0)
    found.append(timer.is_due)
    timer.start_for_root()
    found.append(timer.is_due)
    timer.end()
    assert [*found, timer.is_due] == [False, True, False, True]


def test_a_root_that_cannot_be_opened_does_not_shorten_the_delay_of_an_encoder() -> None:
    clock = SteppingClock()
    timer = RetryTimer(clock.monotonic)
    timer.start(Failure("camera_error", ""), 0.0)
    timer.start_for_root()
    timer.start(Failure("camera_error", ""), 0.0)
    clock.advance(1.9)
    assert not timer.is_due
