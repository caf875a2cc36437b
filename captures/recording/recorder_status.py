"""The recorder's status each second, its events and alerts, and its answers to commands."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Literal

from cameras.runtime.link import ReportSink
from cameras.runtime.messages import AlertReport, AnswerReport, LogReport, SpooledReport
from cameras.runtime.recording_state import Recorder, waiting_recorder
from cameras.runtime.spec import Recording
from cameras.spool.records import ClipRecord
from cameras.spool.session_files import iso
from captures.recording.open_clip import OpenClip
from captures.recording.recovery import RecoveredClips, unrecovered_message
from core.text.plurals import pluralize, was_or_were

RATE_S = 5.0
"""A shorter clip does not show how fast it grows; the rate of the clip before it is used."""
MINUTE_S = 60
PART: Literal["clips"] = "clips"
"""The part of the camera's spool with its clips."""
PROBLEMS = {"disk_full": "disk-full", "write_error": "disk-full"}
UNREACHABLE = "camera-not-reachable"
NOT_RECORDING = "not-recording"


class RecorderStatus:
    def __init__(self, link: ReportSink, slug: str, path: str) -> None:
        self._link, self._slug, self._path = link, slug, path
        self._lock = threading.Lock()
        self._requests: deque[dict[str, Any]] = deque()
        self._failure = ("", "")
        self._alert_closed = False
        """Whether the alert that an earlier recorder left open is closed."""
        self._since: float | None = None
        self._free: int | None = None
        self._floor = 0
        self._lost = 0
        self._rate: float | None = None
        """Bytes per second of the newest clip that was long enough."""
        self._last_finalized: str | None = None
        self._unrecovered: dict[str, OSError] = {}
        """Clips that cannot be recovered yet, with the errors of the disk."""

    @property
    def failure_message(self) -> str:
        return self._failure[1]

    def snapshot(self, desired: Recording | None, clip: OpenClip | None) -> Recorder | None:
        """The status as it is published; None if no recording is desired."""
        if desired is None:
            return None
        status = waiting_recorder(desired, self._failure[1])
        status["state"] = "failing" if self._failure[0] else "recording" if clip else "waiting"
        status["since"], status["reason"] = iso(self._since) if self._since else None, self._failure[0]
        status["lost_frames"], status["free_bytes"] = self._lost, self._free
        if clip:
            self._add_clip(status, clip)
        return status

    def _add_clip(self, status: Recorder, clip: OpenClip) -> None:
        if clip.length_s > RATE_S:
            self._rate = clip.file.bytes / clip.length_s
        rate = self._rate
        status["clip"], status["clip_started"] = clip.id, iso(clip.started)
        status["frames"], status["bytes"] = clip.frames, clip.file.bytes
        status["mb_per_min"] = round(rate * MINUTE_S / 1e6, 2) if rate else None
        if rate and self._free is not None:
            status["floor_s"] = round(max(0.0, (self._free - self._floor) / rate))

    # Commands

    def add_request(self, command: dict[str, Any], awaits: str) -> None:
        """Answer the command when its outcome is observed: a frame is `written`, the recording is `stopped`, or the
        clip with this id is finalized."""
        if command.get("command_id"):
            with self._lock:
                self._requests.append({**command, "awaits": awaits})

    def _answer_requests(self, awaited: str, answer: AnswerReport) -> None:
        with self._lock:
            ready = [command for command in self._requests if command["awaits"] == awaited]
            self._requests = deque(command for command in self._requests if command["awaits"] != awaited)
        for command in ready:
            self._link.send({**answer, "command_id": command["command_id"]})

    # Events

    def report_clip_opened(self, clip: OpenClip) -> None:
        if self._since is None:
            self._since, self._lost, self._rate = time.time(), 0, None
            self._log_event("recording.started", f"{self._slug} is recording ({clip.plan['kind']}).", "info")

    def report_frame_written(self, clip: OpenClip) -> None:
        """Called for each frame. The first frame is in the file once the second is added. After a disk error the
        failure ends only with a successful sync."""
        if clip.frames < 2:
            return
        if (self._failure[0] or not self._alert_closed) and (clip.file.synced or self._failure[0] != "write_error"):
            self._clear_failure()
        if self._requests:
            self._answer_requests("written", accepted({"clip": clip.id, "recorder": self.snapshot(clip.desired, clip)}))

    def report_lost_frames(self, clip: OpenClip, frames: int) -> None:
        if not clip.lost_frames:
            message = f"{self._slug} loses frames while recording: this machine, its disk or its network is too slow."
            self._log_event("recording.lost", message, "error")
            self._set_alert("lost", message)
        clip.lost_frames += frames
        self._lost += frames

    def report_finalized(self, record: ClipRecord) -> None:
        self._last_finalized = record["id"]
        self._link.send(SpooledReport(type="spooled", id=record["id"], command_id="", part=PART))
        self._answer_requests(record["id"], accepted({"clip": record["id"]}))
        if record["body"]["lost_frames"] == 0:
            self._set_alert("lost", "")

    def report_recording_stopped(self, *, for_good: bool) -> None:
        """Recording stopped and its queue is written; `for_good` unless it was started again meanwhile."""
        if self._since is not None:
            self._log_event("recording.stopped", f"{self._slug} stopped recording.", "info")
        self._since = None
        self.report_idle()
        if for_good:
            self._answer_requests(
                "written",
                refused(NOT_RECORDING, f"Recording of {self._slug} was stopped meanwhile."),
            )

    def report_idle(self) -> None:
        """No recording is desired: close the alerts."""
        self._clear_failure()
        self._set_alert("lost", "")

    def answer_stop(self) -> None:
        """The last clip is finalized."""
        self._answer_requests("stopped", accepted({"clip": self._last_finalized, "recorder": None}))

    def reject_rotation(self, command: dict[str, Any]) -> None:
        """There is no open clip to end."""
        detail = f"{self._slug} is not writing a clip. {self.failure_message}".strip()
        self._link.send({**refused(NOT_RECORDING, detail), "command_id": command["command_id"]})

    def report_failure(self, reason: str, message: str) -> None:
        """Nothing can be written. Logged once for each reason and message."""
        if (reason, message) != self._failure:
            self._log_event("recording.failed", f"{self._slug} cannot record: {message}", "critical")
            self._set_alert("failed", f"{self._slug} cannot record: {message}")
        self._failure = (reason, message)
        self._answer_requests("written", refused(PROBLEMS.get(reason, UNREACHABLE), message, reason))

    def _clear_failure(self) -> None:
        self._failure, self._alert_closed = ("", ""), True
        self._set_alert("failed", "")

    def set_disk_space(self, free: int, floor: int) -> None:
        """Free space and floor, in bytes."""
        self._free, self._floor = free, floor

    def report_disk_full(self, desired: Recording) -> None:
        """The free space is below the floor."""
        floor = floor_of(desired)
        shortage = f"The disk of {self._path} has less than {floor / 1e9:g} GB left. Free some space"
        if floor > desired["floor_bytes"]:
            why = "No clip on it can be deleted: there is none, or they are pinned or held."
            self.report_failure("disk_full", f"{shortage}, or lower camera_config.soft_floor_gb. {why}")
        else:
            self.report_failure("disk_full", f"{shortage}.")

    def report_storage_opened(self) -> None:
        """The root is open; its unfinished clips are tried again."""
        self._unrecovered = {}
        if self._failure[0] == "root_missing":
            self._clear_failure()

    def report_recovered(self, found: RecoveredClips) -> None:
        for clip in (*found.finalized, *found.repaired):
            self._link.send(SpooledReport(type="spooled", id=clip, command_id="", part=PART))
            self._answer_requests(clip, accepted({"clip": clip}))
        for clip in found.empty:
            self._answer_requests(clip, refused(NOT_RECORDING, f"The clip of {self._slug} has no frames."))
        if found.repaired:
            number = len(found.repaired)
            clips = f"{pluralize(number, 'clip')} of {self._slug} that {was_or_were(number)} cut off"
            self._log_event("spool.recovered", f"{clips} {was_or_were(number)} repaired and kept.", "warning")
        for clip in found.tried:
            self._unrecovered.pop(clip, None)
        self._unrecovered |= found.failed
        self._set_alert("left", unrecovered_message(self._slug, self._path, self._unrecovered))
        if found.rejected:
            message = f"Clips of {self._slug} could not be recovered: {'; '.join(found.rejected)[:500]}"
            self._log_event("spool.rejected", message, "error")

    def _set_alert(self, about: str, message: str) -> None:
        """Raise the alert, or resolve it if `message` is empty: `recording.failed:<slug>`."""
        self._link.send(AlertReport(type="alert", key=f"recording.{about}:{self._slug}", message=message))

    def _log_event(self, kind: str, message: str, level: str) -> None:
        self._link.send(LogReport(type="log", level=level, kind=kind, message=message))


def floor_of(desired: Recording) -> int:
    """How many bytes have to be free."""
    floor = desired["floor_bytes"]
    return desired.get("rolling_floor_bytes", floor) if desired["kind"] == "rolling" else floor


def accepted(body: dict[str, Any]) -> AnswerReport:
    """The answer to a command that succeeded. Its id is set when it is sent."""
    return AnswerReport(type="answer", command_id="", ok=True, body=body)


def refused(problem: str, detail: str, reason: str = "") -> AnswerReport:
    answer = AnswerReport(type="answer", command_id="", ok=False, problem=problem, detail=detail)
    if reason:
        answer["reason"] = reason
    return answer
