"""Finalize clips: sync, commit and place them on a separate thread, so that the frames of the next clip do not wait for
the disk. The same thread repairs clips that a crash cut off."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from cameras.spool.full_disk import retry_while_full
from cameras.spool.records import ClipOutcome, ClipRecord
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.storage import Storage
from captures.recordings.recorder.failures import STORAGE_ERRORS, Failure
from captures.recordings.recorder.open_clip import ErrorHandler, OpenClip, make_record, run_and_report
from captures.recordings.recorder.recovery import RecoveredClips, recover

log = logging.getLogger(__name__)
IDLE_S = 1.0
"""Seconds between checks whether a recovery is due."""
RETRY_S = 30.0
"""Seconds until a recovery that failed is tried again."""
Job = Callable[[], None]


class ClipOutcomes(Protocol):
    """Called on the thread of the finalizer."""

    def report_finalized(self, record: ClipRecord) -> None:
        """The record is safe, and the clip in its final place."""

    def report_recovered(self, found: RecoveredClips) -> None: ...


class ClipFinalizer:
    """`on_error` gets the error of a root that cannot be written; its clips stay for the next recovery. A recovery that
    failed is tried again after `retry_s`, which is checked every `idle_s`."""

    def __init__(
        self, outcomes: ClipOutcomes, on_error: ErrorHandler, retry_s: float = RETRY_S, idle_s: float = IDLE_S
    ) -> None:
        self._outcomes, self._on_error, self._retry_s, self._idle_s = outcomes, on_error, retry_s, idle_s
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self._lost_frames: dict[str, int] = {}
        """For each clip of this process that is not finalized yet. Its file does not contain the number."""
        self._retry: tuple[float, Job] | None = None
        # A daemon: a disk that hangs must not keep the process from ending. The next owner of the spool recovers the
        # rest.
        threading.Thread(target=self._run, name="clips", daemon=True).start()

    def finalize(self, clip: OpenClip, ended: datetime) -> None:
        """Finalize a clip that gets no more frames. A clip that the disk or the encoder failed to finish is read again
        and repaired: its outcome is then that of a recovery."""

        def job() -> None:
            try:
                self._finalize(clip, ended)
            except STORAGE_ERRORS as error:
                if not clip.storage.is_closed:
                    raise
                # Not an error of the root, which may be open again and record: its recovery then finds this clip.
                log.warning("The clip %s is left to the next recovery: %s", clip.id, error)

        self._enqueue(job)

    def _finalize(self, clip: OpenClip, ended: datetime) -> None:
        # Kept until the clip is committed: if one of the next steps fails, its recovery finds the number only here.
        self._lost_frames[clip.id] = clip.lost_frames
        try:
            clip.file.close()
        except OSError as error:
            # After a failed fsync the content of the disk is unknown: `is_whole` is False then, and the file is
            # read again.
            message = f"The disk failed at the end of the clip ({error.strerror})."
            clip.interruption = Failure("write_error", message)
        if clip.is_whole:
            self._outcomes.report_finalized(_commit_clip(clip, ended))
            del self._lost_frames[clip.id]
            return
        found = self._recover(clip.storage, [clip.id], _decided_outcome(clip))
        self._outcomes.report_recovered(found)
        for failed in found.failed.values():
            # An error of the root: it is closed and opened again, and this clip is then among its unfinished ones.
            raise failed

    def recover_clips(self, storage: Storage, clips: list[str], decided: DecidedOutcome | None) -> None:
        """Recover clips that an earlier owner of the spool left. Clips that the disk cannot read yet are tried again
        every `retry_s`; recording continues."""

        self._enqueue(functools.partial(self._recover_clips, storage, clips, decided))

    def _recover_clips(self, storage: Storage, clips: list[str], decided: DecidedOutcome | None) -> None:
        # The clips of a retry that is still due are among `clips`: either this is that retry, or the root was reopened.
        # Not before this job runs: a recovery of the closed root may be queued before it, and leave a retry.
        self._retry = None
        found = self._recover(storage, clips, decided)
        self._outcomes.report_recovered(found)
        if found.failed:
            retry = functools.partial(self._recover_clips, storage, list(found.failed), decided)
            self._retry = (time.monotonic() + self._retry_s, retry)

    def _recover(self, storage: Storage, clips: list[str], decided: DecidedOutcome | None) -> RecoveredClips:
        found = recover(storage, clips, decided, self._lost_frames)
        for clip in set(clips) - set(found.failed):
            self._lost_frames.pop(clip, None)
        return found

    def run_after(self, job: Job) -> None:
        """Run `job` after all jobs in the queue."""
        self._enqueue(job)

    def _enqueue(self, job: Job) -> None:
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until the queue is empty; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, timeout)

    def _run(self) -> None:
        while True:
            job = self._next_job()
            if job is not None:
                # Outside the lock: a job waits for the disk, and `finalize` is called by the thread that writes frames.
                run_and_report(job, self._on_error)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next_job(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs, self._idle_s)
            # In the same lock as the choice of the job: `drain` must not find an empty queue while its last job runs,
            # and a retry must not begin after the recovery of a root that was reopened.
            job = self._jobs.popleft() if self._jobs else self._due_retry()
            self._busy = job is not None
            return job

    def _due_retry(self) -> Job | None:
        retry = self._retry
        return retry[1] if retry is not None and time.monotonic() >= retry[0] else None


def _decided_outcome(clip: OpenClip) -> DecidedOutcome:
    """Why a clip is not whole."""
    if clip.interruption is not None:
        return DecidedOutcome(*clip.interruption)
    error = clip.file.failed
    message = f"The disk failed while the clip was recorded ({error.strerror})." if error else ""
    return DecidedOutcome("write_error", message)


def _commit_clip(clip: OpenClip, ended: datetime) -> ClipRecord:
    """Commit and place the clip, and mark its record as done."""
    storage = clip.storage
    # The descriptors still work on a root that was unmounted or whose lock was lost: only this check notices it.
    storage.check()
    reason, message = clip.interruption or ("", "")
    outcome: ClipOutcome = {
        "ended": ended.isoformat(), "frames": clip.times.frames, "lost_frames": clip.lost_frames,
        "interrupted": clip.interruption is not None, "reason": reason, "message": message,
        "clock": clip.clock_monitor.read_state(), "delivery": clip.delivery.content(),
    }  # fmt: skip
    record = make_record(clip.plan, storage.root, outcome, clip.file.bytes, clip.file.sha256)
    # Both need space for a name, which a full disk may refuse until the cleanup has deleted a clip.
    retry_while_full(storage.spool.commit, record)
    retry_while_full(storage.spool.place, record)
    storage.spool.done(record)
    return record
