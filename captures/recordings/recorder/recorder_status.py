"""The status of a recorder, as it is published each second and in answers."""

from __future__ import annotations

import time
from typing import Protocol

from cameras.runtime.recording_state import Recorder, waiting_recorder
from cameras.runtime.spec import Recording
from cameras.spool.moments import iso
from captures.recordings.recorder.delivery import RecentDelivery, stills_before
from captures.recordings.recorder.failures import Failure
from captures.recordings.recorder.tracks import ClipTimes, FrameOrPacket

RATE_S = 5.0
"""A shorter clip does not show how fast it grows; the rate of the clip before it is used."""
MINUTE_S = 60


class WrittenFile(Protocol):
    @property
    def bytes(self) -> int: ...


class ShownClip(Protocol):
    """What the status shows of the open clip."""

    @property
    def id(self) -> str: ...
    @property
    def times(self) -> ClipTimes: ...
    @property
    def file(self) -> WrittenFile: ...


class RecorderStatus:
    """The recorder's thread writes it, any thread reads it. Each field is replaced as a whole."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._free: int | None = None
        self._floor = 0
        self._lost = 0
        self._rate: float | None = None
        """Bytes per second of the newest clip that was long enough."""
        self._recent = RecentDelivery()
        self._expected_fps: float | None = None

    @property
    def is_begun(self) -> bool:
        """Whether a clip was opened since recording was last stopped."""
        return self._since is not None

    def begin(self) -> None:
        """The first clip is open."""
        self._since, self._lost, self._rate = time.time(), 0, None
        self._recent.reset()

    def end(self) -> None:
        """Recording is stopped."""
        self._since = None

    def count_frame(self, frame: FrameOrPacket, expected_fps: float | None) -> None:
        """Count a frame that was written. `expected_fps`: the set rate; None without one."""
        self._expected_fps = expected_fps
        self._recent.add(frame.monotonic, expected_fps, stills_before(frame))

    def count_lost(self, frames: int) -> None:
        self._lost += frames

    def set_disk_space(self, free: int, floor: int) -> None:
        """Free space and floor, in bytes."""
        self._free, self._floor = free, floor

    def snapshot(self, desired: Recording | None, clip: ShownClip | None, failure: Failure) -> Recorder | None:
        """The status as it is published; None if no recording is desired."""
        if desired is None:
            return None
        status = waiting_recorder(desired, failure.message)
        status["state"] = "failing" if failure.reason else "recording" if clip else "waiting"
        status["since"], status["reason"] = iso(self._since) if self._since else None, failure.reason
        status["lost_frames"], status["free_bytes"] = self._lost, self._free
        status["holes"], status["expected_fps"] = self._recent.holes, self._expected_fps
        status["actual_fps"], status["delivered_percent"] = self._recent.rates
        if clip:
            self._add_clip(status, clip)
        return status

    def _add_clip(self, status: Recorder, clip: ShownClip) -> None:
        times = clip.times
        if times.length_s > RATE_S:
            self._rate = clip.file.bytes / times.length_s
        # Read once: the recorder's thread may reset it while another thread reads.
        rate = self._rate
        status["clip"], status["clip_started"] = clip.id, iso(times.started)
        status["frames"], status["bytes"] = times.frames, clip.file.bytes
        status["mb_per_min"] = round(rate * MINUTE_S / 1e6, 2) if rate else None
        if rate and self._free is not None:
            status["floor_s"] = round(max(0.0, (self._free - self._floor) / rate))
