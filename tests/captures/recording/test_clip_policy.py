"""The rules of the recorder: what begins a clip, what ends it, and what prevents the next."""

from __future__ import annotations

from typing import Any

import pytest

from captures.recordings.recorder.clip_policy import Cause, ClipPolicy, CopyingPolicy, Ending, State
from captures.recordings.recorder.clip_root import CHECK_S, DiskGuard
from captures.recordings.recorder.failures import Failure, RetryTimer
from tests.harness.camera_processes.recorder_parts import DESIRED, STREAM, MemoryClip, frame, packet
from tests.harness.clocks.clock import SteppingClock

BROKEN = Failure("write_error", "The disk fails.")


class Rules:
    """The policy of a recorder that should record, with a disk of `free` bytes."""

    def __init__(self) -> None:
        self.clock, self.free, self.refused = SteppingClock(), 10_000, list[Any]()
        disk = DiskGuard(lambda: self.free, lambda *_: None, self.clock.monotonic)
        retry, copying = RetryTimer(self.clock.monotonic), CopyingPolicy(self.refused.append)
        self.policy = ClipPolicy(retry, disk, copying)
        self.policy.move(Cause.REQUESTED)

    def cause_to_wait(self, first: Any = None) -> Cause | None:
        return self.policy.cause_to_wait(first or frame(0.0), DESIRED, root_is_open=True)

    def cause_to_end(self, clip: MemoryClip, next_frame: Any, desired: Any = DESIRED, rotated: str = "") -> Any:
        return self.policy.cause_to_end(clip, next_frame, desired, rotated)

    def cause_now(self, clip: MemoryClip, now: float, *, coded: Any = None, frames_wait: bool = False) -> Any:
        return self.policy.cause_to_end_now(clip, DESIRED, now, coded, frames_wait=frames_wait)


@pytest.fixture
def rules() -> Rules:
    return Rules()


def test_a_frame_begins_a_clip_where_nothing_prevents_it(rules: Rules) -> None:
    assert rules.cause_to_wait() is None


def test_without_a_root_nothing_begins(rules: Rules) -> None:
    assert rules.policy.cause_to_wait(frame(0.0), DESIRED, root_is_open=False) is Cause.RETRY_PENDING


def test_after_a_failure_the_next_clip_waits_for_the_retry_delay(rules: Rules) -> None:
    rules.policy.start_retry(BROKEN, 10.0)
    before, _ = rules.cause_to_wait(), rules.clock.advance(1.0)
    assert before == Cause.RETRY_PENDING
    assert rules.cause_to_wait() is None


def test_another_request_ends_the_retry_delay(rules: Rules) -> None:
    rules.policy.start_retry(BROKEN, 10.0)
    assert rules.policy.move(Cause.FAILURE) is Ending.INTERRUPTED
    rules.policy.move(Cause.REQUESTED)
    assert rules.policy.state == State.WAITING
    assert rules.cause_to_wait() is None


def test_a_packet_that_is_no_key_frame_begins_nothing(rules: Rules) -> None:
    assert rules.cause_to_wait(packet(0.0, is_key=False)) is Cause.UNPLAYABLE


def test_below_the_floor_the_next_clip_waits_for_a_tenth_more_space(rules: Rules) -> None:
    causes = []
    for rules.free in (999, 1050, 1100, 1050):
        causes.append(rules.cause_to_wait())
    assert causes == [Cause.BELOW_FLOOR, Cause.BELOW_FLOOR, None, None]


@pytest.mark.parametrize("cause", [Cause.REQUESTED, Cause.STOPPED])
def test_a_request_or_a_stop_ends_the_wait_for_a_tenth_more_space(rules: Rules, cause: Cause) -> None:
    rules.free = 999
    assert rules.cause_to_wait() is Cause.BELOW_FLOOR
    rules.policy.move(cause)
    rules.free = 1050
    assert rules.cause_to_wait() is None


def test_a_frame_that_follows_continues_the_clip(rules: Rules) -> None:
    assert rules.cause_to_end(MemoryClip(frame(0.0)), frame(1.0)) is None


def test_a_frame_that_the_track_cannot_hold_ends_the_clip(rules: Rules) -> None:
    clip = MemoryClip(frame(0.0))
    clip.accepted_frames = 0
    assert rules.cause_to_end(clip, frame(1.0)) is Cause.OTHER_FORMAT


@pytest.mark.parametrize("monotonic", [-0.1, 20.1])
def test_a_frame_that_is_older_or_much_newer_ends_the_clip(rules: Rules, monotonic: float) -> None:
    assert rules.cause_to_end(MemoryClip(frame(0.0)), frame(monotonic)) is Cause.GAP


@pytest.mark.parametrize(
    ("change", "rotated", "cause"),
    [
        ({"clip_s": 1.0}, "", Cause.DUE),
        ({"kind": "rolling"}, "", Cause.DUE),
        ({}, "a", Cause.DUE),
        ({}, "an earlier clip", None),
        ({"floor_bytes": 5, "rolling_floor_bytes": 7}, "", None),
    ],
    ids=["length", "settings", "command", "command for an earlier clip", "floors"],
)
def test_a_clip_is_due_by_its_length_its_settings_or_a_command(
    rules: Rules, change: dict[str, Any], rotated: str, cause: Cause | None
) -> None:
    assert rules.cause_to_end(MemoryClip(frame(0.0)), frame(1.0), {**DESIRED, **change}, rotated) is cause


def test_frames_queued_before_a_stop_go_into_the_open_clip(rules: Rules) -> None:
    assert rules.cause_to_end(MemoryClip(frame(0.0)), frame(1.0), None, "a") is None


def test_a_copied_clip_that_is_due_ends_at_a_key_frame(rules: Rules) -> None:
    clip = MemoryClip(packet(0.0, is_key=True), source=STREAM)
    found = [rules.cause_to_end(clip, packet(1.0, is_key=is_key), rotated="a") for is_key in (False, True)]
    assert found == [None, Cause.DUE]


def test_a_camera_that_sends_nothing_ends_its_clip_unless_frames_wait(rules: Rules) -> None:
    clip = MemoryClip(frame(0.0))
    found = [rules.cause_now(clip, 20.1, frames_wait=frames_wait) for frames_wait in (True, False)]
    assert found == [None, Cause.SILENCE]
    assert rules.cause_now(clip, 19.9) is None


def test_the_end_of_its_stream_ends_a_copied_clip_at_once(rules: Rules) -> None:
    clip = MemoryClip(packet(0.0, is_key=True), source=STREAM)
    assert rules.cause_now(clip, 0.1, coded=STREAM) is None
    assert rules.cause_now(clip, 0.1) == Cause.SILENCE


def test_the_disk_is_checked_now_and_then_while_a_clip_is_open(rules: Rules) -> None:
    clip, found = MemoryClip(frame(0.0)), []
    assert rules.cause_now(clip, 0.0) is None
    rules.free = 999
    for _ in range(2):
        found.append(rules.cause_now(clip, 0.0))
        rules.clock.advance(CHECK_S)
    assert found == [None, Cause.BELOW_FLOOR]
    assert rules.cause_now(clip, 0.0) == Cause.BELOW_FLOOR


def states_after(rules: Rules, causes: list[Cause]) -> list[State]:
    states = []
    for cause in causes:
        rules.policy.move(cause)
        states.append(rules.policy.state)
    return states


def test_a_full_disk_suspends_until_there_is_space(rules: Rules) -> None:
    causes = [Cause.OPENED, Cause.BELOW_FLOOR, Cause.RETRY_PENDING, Cause.BELOW_FLOOR, Cause.OPENED]
    recording, suspended = State.RECORDING, State.SUSPENDED
    assert states_after(rules, causes) == [recording, suspended, suspended, suspended, recording]


def test_a_restart_before_the_queue_is_read_waits_for_the_next_frame(rules: Rules) -> None:
    states = states_after(rules, [Cause.OPENED, Cause.REQUESTED, Cause.STOPPED, Cause.RESTARTED])
    assert states == [State.RECORDING, State.RECORDING, State.IDLE, State.WAITING]
