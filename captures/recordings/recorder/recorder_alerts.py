"""Events and alerts of a recorder: about a failure, and about clips that cannot be recovered."""

from __future__ import annotations

from cameras.runtime.messages import AlertReport, LogReport
from captures.recordings.recorder.command_answers import SendReport
from captures.recordings.recorder.failures import Failure
from captures.recordings.recorder.recovery import RecoveredClips, unrecovered_message
from core.camera_names import CameraName
from core.text.plurals import pluralize, was_or_were
from core.text.sentences import sentence

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
