"""`ClipRecorder` writes the frames of a camera into clips. It runs in a camera process, without Django.

The camera loop's thread converts each frame to I420 and queues it; for a camera that sends H.264 the driver's thread
queues its packets. The recorder's thread encodes or copies and writes them, and waits for a sync only where a clip
begins. `ClipFinalizer` finalizes clips that have ended. An error ends a clip, never the camera.
"""

from __future__ import annotations

import errno
import logging
import math
import threading
import time
from collections import deque
from typing import Any

from cameras.drivers import driver_class
from cameras.drivers.packets import PacketData
from cameras.runtime.consumers import Context
from cameras.runtime.disk_reserve import FREE_SPACE_HYSTERESIS
from cameras.runtime.spec import Recording
from cameras.spool.durable import LockLost
from cameras.spool.recovery import DecidedOutcome, remove_temporaries
from cameras.spool.spool import is_out_of_space
from cameras.spool.storage import RootMissing, SpoolLocked, Storage, separate_file_systems_message
from captures.paths.night import Site
from captures.paths.organizer import ImageOrganizer
from captures.recording.clip_finalizer import ClipFinalizer
from captures.recording.frame_queue import FrameQueue
from captures.recording.loss_counter import LossCounter
from captures.recording.open_clip import OpenClip
from captures.recording.recorder_status import PART, RecorderStatus, floor_of
from captures.recording.recovery import unfinished_clips
from captures.recording.retry import RETRY_S, RetryDelay
from captures.recording.tracks import FrameOrPacket, Unplayable, can_begin_clip
from core.dataclass_json import dataclass_from_json

log = logging.getLogger(__name__)
FLOORS = {"floor_bytes": 0, "rolling_floor_bytes": 0}
"""The settings of a recording that may change within a clip."""
WAIT_S = 0.2
CHECK_S = 2.0
"""Seconds between checks of the disk."""
KEY_FRAME_TIMEOUT_S = 60.0
"""How long a clip that is due may wait for a key frame of a camera whose packets are copied."""
MAX_CHANGES, CHANGES_S = 4, 60.0
"""A camera whose parameter sets change more often is encoded: each change begins another clip."""
WRITE_S, WRITE_OUT_S = 3.0, 4.0
"""Seconds at the end of the process to write queued frames, and until the clip is finalized."""
STUCK_S = 6.0
"""Longer than the thread needs for a frame, and than a disk needs to sync a second of frames."""
STORAGE_ERRORS = (RootMissing, SpoolLocked, LockLost, OSError)


class ClipRecorder:
    def __init__(self, context: Context) -> None:
        self._spec, self._buffer = context.spec, context.buffer
        self._organizer = ImageOrganizer(context.spec["slug"], dataclass_from_json(Site, context.spec["site"]))
        self._decided = (
            dataclass_from_json(DecidedOutcome, context.spec["decided_outcome"])
            if context.spec["decided_outcome"]
            else None
        )
        self._status = RecorderStatus(context.link, context.spec["slug"], context.spec["video_root_path"])
        self._finalizer = ClipFinalizer(self._lose_storage)
        self._desired: Recording | None = None
        self._queued_desired: Recording | None = None
        """The desired recording when the queued frames were captured. It is kept after a stop."""
        self._queue = FrameQueue(context.buffer)
        self._write_until = math.inf
        self._storage: Storage | None = None
        self._storage_error: Exception | None = None
        self._clip: OpenClip | None = None
        self._losses = LossCounter(numbered=driver_class(context.spec["kind"]).numbers_frames)
        self._rotate = False
        self._keyless_since: float | None = None
        self._changes: deque[float] = deque(maxlen=MAX_CHANGES)
        self._not_before, self._retry_delay = 0.0, RetryDelay()
        self._checked_at = 0.0
        self._full = False
        self._ran_at = time.monotonic()
        self._stopping = False
        self._changed = threading.Condition()
        self._apply_recording(context.spec["recording"])
        if self._desired is None:
            self._status.report_idle()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    # On the thread of the camera loop

    def handle_command(self, message: dict[str, Any]) -> None:
        """Handle `record` and `configure` (`recording`: the desired recording, None to stop) and `rotate`."""
        if "recording" in message:
            self._apply_recording(message["recording"])
            self._status.add_request(message, "written" if self._desired else "stopped")
            if self._desired is None and self._queue.reader is None:
                self._finalizer.run_after(self._status.answer_stop)
        elif message["type"] == "rotate":
            self._end_clip(message)

    def _end_clip(self, command: dict[str, Any]) -> None:
        """Let the next frame begin another clip."""
        clip = self._clip
        if clip is None:
            self._status.reject_rotation(command)
            return
        self._status.add_request(command, clip.id)
        self._rotate = True

    def _apply_recording(self, desired: Recording | None) -> None:
        with self._changed:
            if desired and desired != self._desired:
                self._not_before, self._full = 0.0, False
            self._desired, self._queued_desired = desired, desired or self._queued_desired
            if desired:
                self._queue.open_reader()
            else:
                self._queue.close_reader()
            self._changed.notify_all()

    @property
    def wants_frames(self) -> bool:
        """False while the camera's own packets are copied."""
        return self._desired is not None and not self._queue.copies_packets

    def stop(self) -> None:
        """Write the queued frames, as far as there is time, and finalize the clip."""
        self._write_until = time.monotonic() + WRITE_S
        self._apply_recording(None)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(WRITE_OUT_S)

    def stats(self) -> dict[str, Any]:
        if self._desired is not None and self._is_stuck():
            if self._clip is not None:
                self._clip.file.synced = False
            path = self._spec["video_root_path"]
            message = f"The disk of {path} has not answered for {STUCK_S:g} s. Recording continues when it does."
            self._status.report_failure("write_error", message)
        return {"recorder": self._status.snapshot(self._desired, self._clip)}

    def _is_stuck(self) -> bool:
        """A disk that hangs raises no error: calls to it do not return."""
        now = time.monotonic()
        return now - self._ran_at > STUCK_S or self._finalizer.syncs_for_s(now) > STUCK_S

    def _lose_storage(self, error: Exception) -> None:
        """The root cannot be written to. Called from any thread."""
        self._storage_error = error

    # On the recorder's thread

    def _run(self) -> None:
        while not self._is_over():
            try:
                self._run_once()
            except Exception as error:
                log.exception("The recorder failed and continues.")
                self._interrupt_clip(*self._describe_error(error))
        self._close_storage()

    def _is_over(self) -> bool:
        return self._stopping and self._queue.reader is None

    def _run_once(self) -> None:
        self._ran_at = time.monotonic()
        if self._storage_error is not None or self._storage is None:
            self._open_storage()
        frame = self._next_frame()
        if frame is not None:
            self._record_frame(frame)
        self._check_clip_and_disk()

    def _next_frame(self) -> FrameOrPacket | None:
        """The next frame or packet; None if none came in time. A closed reader is read to its end."""
        reader = self._queue.reader
        if reader is None:
            with self._changed:
                self._changed.wait_for(lambda: self._queue.reader is not None or self._stopping, WAIT_S)
            return None
        frame = reader.get(WAIT_S) if time.monotonic() < self._write_until else None
        if frame is None and reader.closed:
            self._finish_reader()
        return frame

    def _finish_reader(self) -> None:
        """Finish a stopped recording: its queued frames are written; those left when the process ends are lost."""
        reader = self._queue.reader
        assert reader is not None
        lost = self._losses.count_after(reader) + len(reader)
        if lost and self._clip is not None:
            self._status.report_lost_frames(self._clip, lost)
        self._close_clip(None)
        self._full = False
        self._losses.reset()
        self._keyless_since = None
        with self._changed:
            reader = self._queue.next_reader()
        self._status.report_recording_stopped(for_good=reader is None)
        self._finalizer.run_after(self._status.answer_stop)

    # Frames and packets

    def _record_frame(self, frame: FrameOrPacket) -> None:
        assert self._queue.reader is not None
        lost, clip = self._losses.count_before(frame, self._queue.reader.lost), self._clip
        if clip is not None and self._ends_before(clip, frame):
            self._close_clip(frame if self._follows(clip, frame) else None)
        if self._clip is None and not self._open_clip(frame):
            return
        self._add_frame(frame, lost)

    def _ends_before(self, clip: OpenClip, frame: FrameOrPacket) -> bool:
        if not clip.accepts(frame):
            self._count_change(clip, frame)
            return True
        if not self._follows(clip, frame):
            return True
        return self._is_due(clip, frame) and self._can_begin_clip(frame)

    def _is_due(self, clip: OpenClip, frame: FrameOrPacket) -> bool:
        """False once recording is stopped: queued frames go into the open clip."""
        desired = self._desired
        if desired is None:
            return False
        return (
            self._rotate
            or clip.age_s(frame) >= desired["clip_s"]
            or {**desired, **FLOORS} != {**clip.desired, **FLOORS}
        )

    def _can_begin_clip(self, frame: FrameOrPacket) -> bool:
        """Whether a clip can begin with this frame. A camera that sends no key frame for KEY_FRAME_TIMEOUT_S is decoded
        until it is reopened."""
        if can_begin_clip(frame):
            self._keyless_since = None
            return True
        self._keyless_since = self._keyless_since or frame.monotonic
        if frame.monotonic - self._keyless_since > KEY_FRAME_TIMEOUT_S:
            self._refuse_packets(frame, f"It has sent no key frame for {KEY_FRAME_TIMEOUT_S:g} s.")
        return False

    def _count_change(self, clip: OpenClip, frame: FrameOrPacket) -> None:
        """Count changes of the parameter sets within one stream."""
        if isinstance(frame, PacketData) and frame.of is clip.source:
            self._changes.append(frame.monotonic)
            if len(self._changes) == MAX_CHANGES and frame.monotonic - self._changes[0] < CHANGES_S:
                self._refuse_packets(frame, "Its parameter sets change too often.")

    def _refuse_packets(self, frame: FrameOrPacket, why: str) -> None:
        if self._queue.reader is not None and isinstance(frame, PacketData):
            log.warning("The camera's packets are decoded and encoded again instead of copied. %s", why)
            self._keyless_since = None
            self._queue.reader.refuse_packets(frame.of)

    def _follows(self, clip: OpenClip, frame: FrameOrPacket) -> bool:
        return 0 <= frame.monotonic - clip.newest <= clip.timeout_s

    def _open_clip(self, frame: FrameOrPacket) -> bool:
        """False while nothing can be written; the status says why."""
        desired = self._queued_desired
        if desired is None or self._storage is None or time.monotonic() < self._not_before:
            return False
        if not self._can_begin_clip(frame) or self._is_full(desired):
            return False
        self._rotate = False
        try:
            self._clip = OpenClip(self._storage, self._spec["camera"], self._organizer, frame, desired)
        except Unplayable as error:
            self._refuse_packets(frame, str(error))
            return False
        except STORAGE_ERRORS as error:
            self._handle_storage_error(error)
            return False
        self._finalizer.set_open_clip(self._clip)
        self._status.report_clip_opened(self._clip)
        return True

    def _add_frame(self, frame: FrameOrPacket, lost: int) -> None:
        assert self._clip is not None
        try:
            self._clip.add(frame)
        except OSError as error:
            self._handle_storage_error(error)
            return
        if lost:
            self._status.report_lost_frames(self._clip, lost)
        self._status.report_frame_written(self._clip)

    def _close_clip(self, next_frame: FrameOrPacket | None) -> None:
        """End the open clip as it is, and hand it to the finalizer."""
        clip, self._clip, self._rotate = self._clip, None, False
        self._finalizer.set_open_clip(None)
        if clip is None:
            return
        try:
            clip.finish()
        except OSError as error:
            clip.interrupt(*self._describe_error(error))
        except Exception as error:  # an encoder that failed may fail again in finish()
            log.exception("The encoder could not finish a clip.")
            clip.interrupt(*self._describe_error(error))
        self._finalizer.finalize(
            clip, clip.ended(next_frame), self._status.report_finalized, self._status.report_recovered
        )

    # The disk

    def _check_clip_and_disk(self) -> None:
        clip = self._clip
        if clip is not None and self._has_ended(clip):
            self._close_clip(None)
        if time.monotonic() - self._checked_at >= CHECK_S:
            self._checked_at = time.monotonic()
            if clip is not None and self._is_full(self._desired or clip.desired):
                self._interrupt_clip("disk_full", self._status.failure_message)

    def _has_ended(self, clip: OpenClip) -> bool:
        """Whether the clip's camera is disconnected or sends nothing. False while frames wait in the queue, for example
        after a disk that hung."""
        if self._queue.reader is not None and len(self._queue.reader):
            return False
        if clip.source is not None and clip.source is not self._buffer.coded:
            return True
        return time.monotonic() - clip.newest > clip.timeout_s

    def _is_full(self, desired: Recording) -> bool:
        """Whether the disk is below the floor. Once True, it stays True until a tenth more than the floor is free."""
        if self._storage is None:
            return False
        free, floor = self._storage.files.free_bytes(), floor_of(desired)
        self._full = free < floor * (FREE_SPACE_HYSTERESIS if self._full else 1.0)
        self._status.set_disk_space(free, floor)
        if self._full:
            self._status.report_disk_full(desired)
        return self._full

    def _handle_storage_error(self, error: Exception) -> None:
        """End the clip with what is on the disk; the next one is tried after a delay."""
        if not isinstance(error, OSError):
            self._lose_storage(error)
        self._interrupt_clip(*self._describe_error(error))

    def _interrupt_clip(self, reason: str, message: str) -> None:
        wrote_s = self._clip.length_s if self._clip is not None else 0.0
        self._not_before = time.monotonic() + self._retry_delay.next_s(reason, wrote_s)
        self._status.report_failure(reason, message)
        if self._clip is not None:
            self._clip.interrupt(reason, message)
            self._close_clip(None)

    def _describe_error(self, error: Exception) -> tuple[str, str]:
        if isinstance(error, RootMissing):
            return "root_missing", str(error)
        if isinstance(error, OSError) and is_out_of_space(error):
            return "disk_full", f"The disk of {self._spec['video_root_path']} is full."
        if isinstance(error, OSError) and error.errno == errno.EXDEV:
            return "write_error", separate_file_systems_message(self._spec["video_root_path"], "clips")
        if not isinstance(error, STORAGE_ERRORS):
            return "camera_error", f"The recorder failed ({type(error).__name__}: {error})."
        cause = error.strerror if isinstance(error, OSError) else error
        return "write_error", f"Writing to {self._spec['video_root_path']} failed: {cause}."

    # The root

    def _open_storage(self) -> None:
        """Open the root, or reopen it after an error, and recover the clips in its spool."""
        if self._storage_error is not None:
            self._interrupt_clip(*self._describe_error(self._storage_error))
            self._close_storage()
            self._storage_error = None
        if time.monotonic() < self._not_before:
            return
        try:
            self._storage = Storage(self._spec["video_root_path"], self._spec["video_root"], self._spec["camera"], PART)
            self._storage.check_links_into("clips")
            remove_temporaries(self._storage.spool)
            self._storage.spool.refill_slots()
            clips = unfinished_clips(self._storage.spool)
        except STORAGE_ERRORS as error:
            self._close_storage()
            self._not_before = time.monotonic() + RETRY_S
            if self._desired is not None:
                self._status.report_failure(*self._describe_error(error))
            return
        self._status.report_storage_opened()
        self._finalizer.recover_clips(self._storage, clips, self._decided, self._status.report_recovered)
        self._decided = None

    def _close_storage(self) -> None:
        """Close the root. Clips that are not finalized by then are left to the next recovery."""
        if self._clip is not None:
            self._close_clip(None)
        self._finalizer.drain(WRITE_OUT_S)
        if self._storage is not None:
            self._storage.close()
            self._storage = None
