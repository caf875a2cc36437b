"""The recorder's thread: it writes frames into clips, and moves from state to state as `clip_policy` says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from cameras.runtime.spec import Recording
from cameras.spool.storage import Storage
from captures.recordings.recorder.clip_policy import Cause, ClipPolicy, Ending
from captures.recordings.recorder.clip_root import ClipRoot, RootError
from captures.recordings.recorder.failures import STORAGE_ERRORS, Failure, describe_error, describe_floor
from captures.recordings.recorder.open_clip import OpenClip, Syncable
from captures.recordings.recorder.recorder_inbox import RecorderInbox
from captures.recordings.recorder.tracks import FrameOrPacket, Unplayable

log = logging.getLogger(__name__)
MakeClip = Callable[[Storage, FrameOrPacket, Recording], OpenClip]


class WriterReports(Protocol):
    """What the writer reports. None of it waits for the disk."""

    def report_clip_opened(self, clip: OpenClip) -> None: ...
    def report_frame_written(self, clip: OpenClip, frame: FrameOrPacket) -> None: ...
    def report_lost_frames(self, clip: OpenClip, frames: int) -> None: ...
    def report_failure(self, failure: Failure) -> None: ...
    def report_recording_stopped(self, *, for_good: bool) -> None: ...
    def answer_stop(self) -> None: ...


class Finalizer(Protocol):
    def finalize(self, clip: OpenClip, ended: datetime) -> None: ...
    def run_after(self, job: Callable[[], None]) -> None: ...


class ClipWriter:
    """All methods run on the recorder's thread. Other threads read `clip` and `ran_at`."""

    def __init__(
        self,
        inbox: RecorderInbox,
        root: ClipRoot,
        root_error: RootError,
        policy: ClipPolicy,
        finalizer: Finalizer,
        set_synced_file: Callable[[Syncable | None], None],
        reports: WriterReports,
        make_clip: MakeClip,
    ) -> None:
        self._inbox, self._queue, self._root, self._policy = inbox, inbox.queue, root, policy
        self._root_error, self._finalizer, self._set_synced_file = root_error, finalizer, set_synced_file
        self._reports, self._make_clip, self._path = reports, make_clip, root.path
        self.clip: OpenClip | None = None
        self.ran_at = time.monotonic()
        """When it last got through a pass: a disk that hangs raises no error."""

    def run(self) -> None:
        """Until the process ends and nothing is left to write."""
        while not self._inbox.is_over:
            try:
                self._run_once()
            except Exception as error:
                # The encoder and its libraries can raise anything. If this thread ended, nothing would be recorded
                # until the process is restarted.
                log.exception("The recorder failed and continues.")
                self._fail(error)
        # The clip first: closing the root waits until the finalizer has finalized it.
        self._end_clip(None)
        self._root.close()

    def _run_once(self) -> None:
        # Before all calls that may wait for the disk: `ClipRecorder.stats` measures how long they take.
        self.ran_at = time.monotonic()
        self._keep_root_open()
        read = self._inbox.next_frame()
        if self._inbox.pop_request():
            self._move(Cause.REQUESTED)
            self._keep_root_open()  # the retry delay is over: the frame at hand need not be lost
        if read is not None:
            self._write_frame(*read)
        elif self._inbox.is_read_to_end:
            self._finish_recording()
        self._check_clip()

    def _keep_root_open(self) -> None:
        error = self._root_error.error
        # In this order: `close` waits until the finalizer has finalized the clip that the move ends. What fails
        # meanwhile belongs to the root that is closed here, so its error is cleared, or it would close the root once
        # more.
        if error is not None:
            self._move(Cause.FAILURE, failure=describe_error(error, self._path))
            self._root.close()
            self._root_error.clear()
        try:
            self._root.open_if_due()
        except STORAGE_ERRORS as closed:
            # A missing root concerns no one while the camera is not to be recorded.
            if self._inbox.desired is not None:
                self._reports.report_failure(describe_error(closed, self._path))

    def _write_frame(self, frame: FrameOrPacket, lost: int) -> None:
        clip = self.clip
        if clip is not None:
            cause = self._policy.cause_to_end(clip, frame, self._inbox.desired, self._inbox.rotated)
            if cause is not None:
                self._move(cause, frame, lost=lost)
                clip = None
        clip = clip or self._open_clip(frame)
        if clip is None:
            return
        try:
            clip.add(frame, lost)
        # A disk that is full or fails needs no traceback in the log. Errors of the encoder go to `run`, which logs one.
        except OSError as error:
            self._fail(error)
            return
        if lost:
            self._reports.report_lost_frames(clip, lost)
        self._reports.report_frame_written(clip, frame)

    def _open_clip(self, frame: FrameOrPacket) -> OpenClip | None:
        """None while nothing can be written."""
        # Not `desired`: a stop sets it to None while frames that were captured before are still queued.
        desired, storage = self._inbox.queued_desired, self._root.storage
        if desired is None:
            return None
        cause = self._policy.cause_to_wait(frame, desired, root_is_open=storage is not None)
        if cause is not None or storage is None:
            if cause is Cause.BELOW_FLOOR:
                self._reports.report_failure(describe_floor(desired, self._path))
            self._move(cause or Cause.RETRY_PENDING)
            return None
        try:
            clip = self._make_clip(storage, frame, desired)
        except Unplayable as error:
            self._policy.refuse_packets(frame, str(error))
            self._move(Cause.UNPLAYABLE)
            return None
        except STORAGE_ERRORS as error:
            self._fail(error)
            return None
        self.clip = clip
        self._move(Cause.OPENED)
        self._set_synced_file(clip.file)
        self._reports.report_clip_opened(clip)
        return clip

    def _check_clip(self) -> None:
        """End a clip whose camera is silent, or whose disk is below its floor."""
        clip, desired = self.clip, self._inbox.desired
        if clip is None:
            return
        cause = self._policy.cause_to_end_now(
            clip, desired, time.monotonic(), self._queue.coded, frames_wait=len(self._queue) > 0
        )
        if cause is Cause.BELOW_FLOOR:
            self._move(cause, failure=describe_floor(desired or clip.desired, self._path))
        elif cause is not None:
            self._move(cause)

    def _finish_recording(self) -> None:
        """The frames queued before a stop are written; those left when the process ends are lost."""
        # Counted before the move, which ends the clip that these frames are missing from.
        lost = self._queue.count_lost_at_end()
        if lost and self.clip is not None:
            self._reports.report_lost_frames(self.clip, lost)
        self._move(Cause.STOPPED)
        restarted = self._inbox.open_next()
        if restarted:
            self._move(Cause.RESTARTED)
        self._reports.report_recording_stopped(for_good=not restarted)
        # Queued behind the last clip: a stop is answered when that clip is in its final place.
        self._finalizer.run_after(self._reports.answer_stop)

    # Moves

    def _fail(self, error: Exception) -> None:
        """End the clip with what is on the disk; the next one is tried after a delay."""
        # RootMissing and LockLost mean that the root itself is lost: the next pass closes it. After an OSError it stays
        # open, and the next clip is tried on it.
        if isinstance(error, STORAGE_ERRORS) and not isinstance(error, OSError):
            self._root_error.report(error)
        self._move(Cause.FAILURE, failure=describe_error(error, self._path))

    def _move(
        self, cause: Cause, frame: FrameOrPacket | None = None, failure: Failure | None = None, lost: int = 0
    ) -> None:
        """`frame` is the one at hand, before which `lost` were lost; `failure` that of an interruption."""
        ending = self._policy.move(cause)
        if ending is Ending.REGULAR:
            self._end_clip(frame, lost, is_silent=cause in (Cause.GAP, Cause.SILENCE))
        elif ending is Ending.INTERRUPTED and failure is not None:
            self._interrupt_clip(failure)

    def _interrupt_clip(self, failure: Failure) -> None:
        clip = self.clip
        self._policy.start_retry(failure, 0.0 if clip is None else clip.times.length_s)
        self._reports.report_failure(failure)
        if clip is not None:
            clip.interruption = failure
            self._end_clip(None)

    def _end_clip(self, next_frame: FrameOrPacket | None, lost: int = 0, *, is_silent: bool = False) -> None:
        """End the open clip as it is, and hand it to the finalizer. `is_silent`: no frame came for too long."""
        clip, self.clip = self.clip, None
        # From here on the finalizer syncs the file, when it closes it.
        self._set_synced_file(None)
        if clip is None:
            return
        try:
            clip.finish()
        except OSError as error:
            clip.interruption = describe_error(error, self._path)
        except Exception as error:  # an encoder that failed may fail again in finish()
            log.exception("The encoder could not finish a clip.")
            clip.interruption = describe_error(error, self._path)
        # After a gap the clip ends with its own last frame: it must not seem to show the time until `next_frame`.
        following = next_frame if next_frame is not None and clip.times.precedes(next_frame) else None
        if following is not None:
            # A hole between the two is at the end of this clip, which lasts until the next one.
            clip.measure(following, lost)
        elif is_silent:
            clip.delivery.after = "lost" if lost else "not_delivered"
        self._finalizer.finalize(clip, clip.times.ended(following))
