"""What each outcome of a recorder becomes: events, alerts, answers to commands, and its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cameras.runtime.device_conditions import DeviceConditions
from cameras.runtime.messages import SpooledReport
from cameras.runtime.recording_state import Recorder
from cameras.runtime.spec import Recording
from cameras.spool.records import ClipRecord
from captures.recordings.recorder.clip_record import PART
from captures.recordings.recorder.command_answers import STOPPED, WRITTEN, CommandAnswers, SendReport
from captures.recordings.recorder.failures import Failure
from captures.recordings.recorder.open_clip import OpenClip
from captures.recordings.recorder.recorder_alerts import FailureAlert, RecorderEvents, RecoveryAlert
from captures.recordings.recorder.recorder_status import RecorderStatus
from captures.recordings.recorder.recovery import RecoveredClips
from captures.recordings.recorder.tracks import FrameOrPacket
from core.camera_names import CameraName
from core.text.sentences import join_sentences, sentence

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
            self.answers.accept(WRITTEN, {"clip": clip.id, "recorder": recorder})

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
            self.answers.refuse(WRITTEN, NOT_RECORDING, detail)

    def report_idle(self) -> None:
        """No recording is desired: close the alerts."""
        self._failure.clear()
        self._events.set_alert("lost", "")

    def answer_stop(self) -> None:
        """The last clip is finalized."""
        self.answers.accept(STOPPED, {"clip": self._last_finalized, "recorder": None})

    def reject_rotation(self, command: Mapping[str, Any]) -> None:
        """There is no open clip to end."""
        detail = sentence("{camera} is not writing a clip.", camera=self._camera)
        self.answers.refuse_now(command, NOT_RECORDING, join_sentences([detail, self._failure.failure.message]))

    def report_failure(self, failure: Failure) -> None:
        """Nothing can be written. Logged once for each reason and message."""
        self._failure.report(failure)
        problem = PROBLEMS.get(failure.reason, UNREACHABLE)
        self.answers.refuse(WRITTEN, problem, failure.message, failure.reason)

    def report_root_opened(self, *, is_idle: bool) -> None:
        """The root is open; its unfinished clips are tried again. `is_idle` if no recording is desired."""
        self._recovery.reset()
        self._failure.clear_for_root(is_idle=is_idle)
