"""How long a recorder waits from a clip that could not be written to the next try."""

from __future__ import annotations

from captures.recording.retry import RetryDelay


def test_an_encoder_that_fails_at_once_each_time_is_tried_less_and_less_often() -> None:
    delay = RetryDelay()
    assert [delay.next_s("camera_error", 0.0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_an_encoder_that_worked_for_longer_than_it_was_waited_for_is_tried_again_soon() -> None:
    delay = RetryDelay()
    assert [delay.next_s("camera_error", wrote_s) for wrote_s in (0.0, 0.0, 5.0)] == [1, 2, 1]


def test_a_disk_is_tried_each_second() -> None:
    delay = RetryDelay()
    assert [delay.next_s(reason, 0.0) for reason in ("camera_error", "write_error", "write_error")] == [1, 1, 1]
