"""What a recorder says of itself: its status of each second, and the events, alerts and answers that follow from what
it does."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cameras.runtime.consumers import DeviceConditions
from cameras.runtime.messages import AlertReport, AnswerReport, LogReport, Report, SpooledReport
from cameras.runtime.spec import Recorder, Recording, waiting_recorder
from cameras.spool.moments import iso
from cameras.spool.records import ClipRecord
from captures.recordings.recorder.delivery import RecentDelivery, stills_before
from captures.recordings.recorder.failures import Failure
from captures.recordings.recorder.open_clip import PART, OpenClip
from captures.recordings.recorder.recovery import RecoveredClips, unrecovered_message
from captures.recordings.recorder.tracks import ClipTimes, FrameOrPacket
from core.camera_names import CameraName
from core.text.sentences import join_sentences, pluralize, sentence, was_or_were

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


PROBLEMS = {"disk_full": "disk-full", "write_error": "disk-full"}
UNREACHABLE = "camera-not-reachable"
NOT_RECORDING = "not-recording"


class RecorderReports:
    """The recorder's thread reports clips, the finalizer's thread their outcomes, any thread a failure. `path` is the
    root of the clips, `conditions` has the rate that the camera is set to."""

    def __init__(self, send: SendReport, camera: CameraName, path: str, conditions: DeviceConditions) -> None:
        self._send, self._camera, self._conditions = send, camera, conditions
        self._events = RecorderEvents(send, camera)
        self._failure, self._recovery = FailureAlert(self._events), RecoveryAlert(self._events, path)
        self._last_finalized: str | None = None
        self.answers = CommandAnswers(send)
        self.status = RecorderStatus()

    def snapshot(self, desired: Recording | None, clip: OpenClip | None) -> Recorder | None:
        """The status as it is published; None if no recording is desired."""
        return self.status.snapshot(desired, clip, self._failure.failure)

    # Clips

    def report_clip_opened(self, clip: OpenClip) -> None:
        if not self.status.is_begun:
            self.status.begin()
            message = sentence("{camera} is recording ({kind}).", camera=self._camera, kind=clip.plan["kind"])
            self._events.log_event("recording.started", message, "info")

    def report_frame_written(self, clip: OpenClip, frame: FrameOrPacket) -> None:
        """Called for each frame. The first frame is in the file once the second is added."""
        self.status.count_frame(frame, self._conditions.stream_fps)
        # FFmpeg writes the fragment of a frame when the next one comes, which says how long it lasts.
        if clip.times.frames < 2:
            return
        self._failure.clear_after_frame(is_synced=clip.file.synced)
        # A snapshot only if a command waits for it, not for each frame.
        if not self.answers.is_empty:
            recorder = self.snapshot(clip.desired, clip)
            self.answers.accept(FRAME_WRITTEN, {"clip": clip.id, "recorder": recorder})

    def report_lost_frames(self, clip: OpenClip, frames: int) -> None:
        # Once for each clip: a slow machine loses frames by the hundred.
        if not clip.lost_frames:
            message = sentence(
                "{camera} loses frames while recording: this machine, its disk or its network is too slow.",
                camera=self._camera,
            )
            self._events.log_event("recording.lost", message, "error")
            self._events.set_alert("lost", message)
        clip.lost_frames += frames
        self.status.count_lost(frames)

    def report_finalized(self, record: ClipRecord) -> None:
        self._last_finalized = record["id"]
        self._send(SpooledReport(type="spooled", id=record["id"], command_id="", part=PART))
        self.answers.accept(record["id"], {"clip": record["id"]})
        if record["body"]["lost_frames"] == 0:
            self._events.set_alert("lost", "")

    def report_recovered(self, found: RecoveredClips) -> None:
        for clip in (*found.finalized, *found.repaired):
            self._send(SpooledReport(type="spooled", id=clip, command_id="", part=PART))
            self.answers.accept(clip, {"clip": clip})
        for clip in found.empty:
            detail = sentence("The clip of {camera} has no frames.", camera=self._camera)
            self.answers.refuse(clip, NOT_RECORDING, detail)
        self._recovery.report(found)

    # The recording

    def report_recording_stopped(self, *, for_good: bool) -> None:
        """Recording stopped and its queue is written; `for_good` unless it was started again meanwhile."""
        if self.status.is_begun:
            message = sentence("{camera} stopped recording.", camera=self._camera)
            self._events.log_event("recording.stopped", message, "info")
        self.status.end()
        self.report_idle()
        # After a restart the start that waits is the new one: its first frame is still to come.
        if for_good:
            detail = sentence("Recording of {camera} was stopped meanwhile.", camera=self._camera)
            self.answers.refuse(FRAME_WRITTEN, NOT_RECORDING, detail)

    def report_idle(self) -> None:
        """No recording is desired: close the alerts."""
        self._failure.clear()
        self._events.set_alert("lost", "")

    def answer_stop(self) -> None:
        """The last clip is finalized."""
        self.answers.accept(CLIPS_FINALIZED, {"clip": self._last_finalized, "recorder": None})

    def reject_rotation(self, command: Mapping[str, Any]) -> None:
        """There is no open clip to end."""
        detail = sentence("{camera} is not writing a clip.", camera=self._camera)
        self.answers.refuse_now(command, NOT_RECORDING, join_sentences([detail, self._failure.failure.message]))

    def report_failure(self, failure: Failure) -> None:
        """Nothing can be written. Logged once for each reason and message."""
        self._failure.report(failure)
        problem = PROBLEMS.get(failure.reason, UNREACHABLE)
        self.answers.refuse(FRAME_WRITTEN, problem, failure.message, failure.reason)

    def report_root_opened(self, *, is_idle: bool) -> None:
        """The root is open; its unfinished clips are tried again. `is_idle` if no recording is desired."""
        self._recovery.reset()
        self._failure.clear_for_root(is_idle=is_idle)


NO_FAILURE = Failure("", "")


class RecorderEvents:
    """Sends events and alerts of one recorder. Any thread calls the methods."""

    def __init__(self, send: SendReport, camera: CameraName) -> None:
        self._send, self.camera = send, camera

    def log_event(self, kind: str, message: str, level: str) -> None:
        self._send(LogReport(type="log", level=level, kind=kind, message=message))

    def set_alert(self, about: str, message: str) -> None:
        """Raise the alert, or resolve it if `message` is empty: `recording.failed:<slug>`."""
        self._send(AlertReport(type="alert", key=f"recording.{about}:{self.camera.slug}", message=message))


class FailureAlert:
    """Why nothing can be written. Any thread calls the methods; `failure` is replaced as a whole."""

    def __init__(self, events: RecorderEvents) -> None:
        self._events = events
        self.failure = NO_FAILURE
        self._is_closed = False
        """Whether the alert that an earlier recorder left open is closed."""

    def report(self, failure: Failure) -> None:
        """Logged once for each reason and message."""
        if failure != self.failure:
            message = sentence("{camera} cannot record: {why}", camera=self._events.camera, why=failure.message)
            self._events.log_event("recording.failed", message, "critical")
            self._events.set_alert("failed", message)
        self.failure = failure

    def clear(self) -> None:
        self.failure, self._is_closed = NO_FAILURE, True
        self._events.set_alert("failed", "")

    def clear_after_frame(self, *, is_synced: bool) -> None:
        """A frame is in the file. After a disk error only a successful sync shows that the disk works again."""
        reason = self.failure.reason
        if (reason or not self._is_closed) and (is_synced or reason != "write_error"):
            self.clear()

    def clear_for_root(self, *, is_idle: bool) -> None:
        """The root is open; `is_idle` if no recording is desired."""
        # While idle only the last clip can have failed. No other would close its alert, and it is recovered now.
        if self.failure.reason == "root_missing" or (is_idle and self.failure.reason):
            self.clear()


class RecoveryAlert:
    """Clips that a crash cut off. Used by the thread of the finalizer; the recorder's thread resets it."""

    def __init__(self, events: RecorderEvents, path: str) -> None:
        self._events, self._path = events, path
        self._unrecovered: dict[str, OSError] = {}
        """Clips that cannot be recovered yet, with the errors of the disk."""

    def reset(self) -> None:
        """The root is open; its unfinished clips are tried again."""
        self._unrecovered = {}

    def report(self, found: RecoveredClips) -> None:
        camera = self._events.camera
        if found.repaired:
            number = len(found.repaired)
            message = sentence(
                "{clips} of {camera} that {were} cut off {were} repaired and kept.",
                clips=pluralize(number, "clip"), camera=camera, were=was_or_were(number),
            )  # fmt: skip
            self._events.log_event("spool.recovered", message, "warning")
        # Only clips of this attempt: others may still wait for theirs, and the alert stays open for them.
        for clip in found.tried:
            self._unrecovered.pop(clip, None)
        self._unrecovered |= found.failed
        self._events.set_alert("left", unrecovered_message(camera, self._path, self._unrecovered))
        if found.rejected:
            message = sentence(
                "Clips of {camera} could not be recovered: {why}", camera=camera, why="; ".join(found.rejected)[:500]
            )
            self._events.log_event("spool.rejected", message, "error")


SendReport = Callable[[Report], None]
FRAME_WRITTEN = "written"
"""Awaited by a start: a frame is written."""
CLIPS_FINALIZED = "stopped"
"""Awaited by a stop: the last clip is finalized."""


class CommandAnswers:
    """`_lock` guards the commands. Any thread calls the methods."""

    def __init__(self, send: SendReport) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, str]] = deque()
        """Command and what it awaits, in the order of the commands."""

    def add(self, command: Mapping[str, Any], awaited: str) -> None:
        """Answer the command when `awaited` is observed: WRITTEN, STOPPED, or the id of a clip that is finalized.
        Without a `command_id` no one waits for an answer."""
        if command.get("command_id"):
            with self._lock:
                self._waiting.append((command["command_id"], awaited))

    @property
    def is_empty(self) -> bool:
        # Without the lock, as it is asked for each frame: a command added just now is answered with the next frame.
        return not self._waiting

    def accept(self, awaited: str, body: dict[str, Any]) -> None:
        """The commands that await it succeeded."""
        for command in self._pop(awaited):
            self._send(AnswerReport(type="answer", command_id=command, ok=True, body=body))

    def refuse(self, awaited: str, problem: str, detail: str, reason: str = "") -> None:
        """What they await does not happen. `problem` is a problem type, `detail` a sentence."""
        for command in self._pop(awaited):
            self._send(_refusal(command, problem, detail, reason))

    def refuse_now(self, command: Mapping[str, Any], problem: str, detail: str) -> None:
        if command.get("command_id"):
            self._send(_refusal(command["command_id"], problem, detail))

    def _pop(self, awaited: str) -> list[str]:
        with self._lock:
            found = [command for command, waited in self._waiting if waited == awaited]
            # Removed in the lock that found them: two threads that observe the same outcome must not answer twice.
            self._waiting = deque(one for one in self._waiting if one[1] != awaited)
        return found


def _refusal(command: str, problem: str, detail: str, reason: str = "") -> AnswerReport:
    refusal = AnswerReport(type="answer", command_id=command, ok=False, problem=problem, detail=detail)
    if reason:
        refusal["reason"] = reason
    return refusal
