"""The recorder's thread with clips in memory: which frames go into which clip, and how each clip ends."""

from __future__ import annotations

import errno
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from cameras.runtime.buffer import SharedFrameBuffer
from cameras.spool.storage import RootMissing
from captures.recordings.recorder.clip_policy import ClipPolicy, CopyingPolicy, State
from captures.recordings.recorder.clip_root import DiskGuard, RootError
from captures.recordings.recorder.clip_writer import ClipWriter
from captures.recordings.recorder.failures import RetryTimer
from captures.recordings.recorder.recorder_inbox import FrameQueue, LossCounter, RecorderInbox
from captures.recordings.recorder.tracks import Unplayable
from tests.harness.camera_processes.recorder_parts import DESIRED, MemoryClip, frame
from tests.harness.clocks.clock import SteppingClock

FULL = OSError(errno.ENOSPC, "No space left on device")


class MemoryRoot:
    """A root that is there, unless `missing`."""

    path = "/video"

    def __init__(self, retry: RetryTimer) -> None:
        self.retry = retry
        self.storage: Any = None
        self.missing = False
        self.closings = 0

    def open_if_due(self) -> None:
        if not self.retry.is_due:
            return
        if self.missing:
            raise RootMissing("It is not mounted.")
        self.storage = SimpleNamespace()

    def close(self) -> None:
        self.storage, self.closings = None, self.closings + 1


class Bench:
    """A writer whose clock stands still. `write(...)` queues frames by their times, and runs it until all are read."""

    def __init__(self) -> None:
        self.clock, self.buffer = SteppingClock(), SharedFrameBuffer()
        retry = RetryTimer(self.clock.monotonic)
        self.root = MemoryRoot(retry)
        self.clips: list[MemoryClip] = []
        self.reports: list[tuple[Any, ...]] = []
        self.first_errors: list[Exception] = []
        """Raised by the first calls that create a clip."""
        self.add_error: OSError | None = None
        """Raised when a frame is added to a new clip."""
        self.accepted_frames = 100
        """How many frames a clip accepts."""
        queue = FrameQueue(self.buffer, LossCounter(numbered=True))
        self.inbox, self.root_error = RecorderInbox(queue), RootError()
        disk = DiskGuard(lambda: 1 << 30, lambda *_: None, self.clock.monotonic)
        self.policy = ClipPolicy(retry, disk, CopyingPolicy(queue.refuse_packets))
        ports: Any = (self.root, self.root_error, self.policy, self, lambda _: None, self, self._make_clip)
        self.writer = ClipWriter(self.inbox, *ports)
        self.inbox.request(DESIRED)

    def write(self, *monotonic: float) -> list[list[int]]:
        """The numbers of the frames in each clip."""
        for number, one in enumerate(monotonic):
            self.buffer.put_frame(frame(one, number))
        self.inbox.stop(60.0)
        self.writer.run()
        return [clip.written for clip in self.clips]

    def _make_clip(self, storage: Any, first: Any, desired: Any) -> MemoryClip:
        if self.first_errors:
            raise self.first_errors.pop(0)
        self.clips.append(clip := MemoryClip(first, desired, name=str(len(self.clips))))
        clip.error, self.add_error, clip.accepted_frames = self.add_error, None, self.accepted_frames
        return clip

    def __getattr__(self, name: str) -> Any:
        """Record what is reported and finalized."""
        if not name.startswith(("report_", "answer_", "finalize", "run_after")):
            raise AttributeError(name)
        return lambda *values, **fields: self.reports.append((name, *values, *fields.values()))

    def reported(self, name: str) -> list[Any]:
        return [report[1:] for report in self.reports if report[0] == name]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_all_frames_of_a_recording_go_into_one_clip_that_is_finalized(bench: Bench) -> None:
    assert bench.write(0.0, 1.0, 2.0) == [[0, 1, 2]]
    assert bench.reported("finalize") == [(bench.clips[0], datetime.fromisoformat("1970-01-01T00:00:03Z"))]
    assert bench.reported("report_recording_stopped") == [(True,)]
    assert bench.policy.state == State.IDLE
    assert bench.root.closings == 1


def test_a_gap_begins_another_clip(bench: Bench) -> None:
    assert bench.write(0.0, 1.0, 100.0) == [[0, 1], [2]]
    assert bench.reported("finalize")[0][1] == datetime.fromisoformat("1970-01-01T00:00:02Z")


@pytest.mark.parametrize(("number", "reason"), [(2, "not_delivered"), (7, "lost")])
def test_a_clip_before_a_gap_says_why_no_frame_followed_it(bench: Bench, number: int, reason: str) -> None:
    for at, one in ((0.0, 0), (1.0, 1), (100.0, number)):
        bench.buffer.put_frame(frame(at, one))
    bench.write()
    assert bench.clips[0].delivery.content()["after"] == reason


def test_a_clip_that_another_size_ends_lasts_until_the_next_one_begins(bench: Bench) -> None:
    bench.accepted_frames = 2
    assert bench.write(0.0, 0.5, 1.2) == [[0, 1], [2]]
    assert bench.reported("finalize")[0][1] == datetime.fromisoformat("1970-01-01T00:00:01.2Z")


def test_a_disk_that_is_full_interrupts_the_clip_and_frames_are_discarded_until_the_retry(bench: Bench) -> None:
    bench.add_error = FULL
    assert bench.write(0.0, 1.0, 2.0) == [[]]
    assert bench.clips[0].interruption == ("disk_full", "The disk of /video is full.")
    assert len(bench.reported("finalize")) == 1


def test_a_root_that_is_lost_is_closed_after_its_clip_is_handed_to_the_finalizer(bench: Bench) -> None:
    bench.first_errors.append(RootMissing("It is not mounted."))
    assert bench.write(0.0, 1.0) == []
    assert [failure.reason for (failure,) in bench.reported("report_failure")] == ["root_missing"] * 2
    assert bench.root.closings == 2
    assert bench.root_error.error is None


def test_a_request_that_ends_the_retry_delay_of_the_root_loses_no_frame_that_waits(bench: Bench) -> None:
    bench.root_error.report(OSError(errno.EIO, "Input/output error"))
    assert bench.write(0.0, 1.0) == [[0, 1]]


def test_an_encoder_that_fails_ends_neither_the_thread_nor_the_next_recording(bench: Bench) -> None:
    bench.first_errors.append(ValueError("no such preset"))
    bench.write(0.0)
    [(failure,)] = bench.reported("report_failure")
    assert failure == ("camera_error", "The recorder failed (ValueError: no such preset).")


def test_a_packet_that_cannot_be_decoded_begins_no_clip_and_is_no_failure(bench: Bench) -> None:
    bench.first_errors.append(Unplayable("It comes without parameter sets."))
    assert bench.write(0.0, 1.0) == [[1]]
    assert bench.reported("report_failure") == []


def test_frames_missing_in_the_numbers_are_reported_with_the_next_frame(bench: Bench) -> None:
    bench.buffer.put_frame(frame(0.0, 5))
    bench.buffer.put_frame(frame(0.1, 8))
    bench.write()
    assert bench.reported("report_lost_frames") == [(bench.clips[0], 2)]


def test_a_missing_root_is_reported_and_no_clip_begins(bench: Bench) -> None:
    bench.root.missing = True
    for number in range(2):
        bench.buffer.put_frame(frame(float(number), number))
    bench.inbox.request(None)
    bench.inbox.request({**DESIRED, "clip_s": 30.0})
    assert bench.write() == []
    assert bench.reported("report_recording_stopped") == [(False,), (True,)]


def test_frames_after_a_restart_go_into_the_next_clip(bench: Bench) -> None:
    bench.buffer.put_frame(frame(0.0, 0))
    bench.inbox.request(None)
    bench.inbox.request(DESIRED)
    bench.buffer.put_frame(frame(0.1, 1))
    bench.write()
    assert [clip.written for clip in bench.clips] == [[0], [1]]
