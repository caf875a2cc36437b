"""Finalize clips: sync, commit and place them on a separate thread, so that the frames of the next clip do not wait for
the disk. The same thread repairs clips that a crash cut off. Another thread syncs the open clip each second."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

from cameras.runtime.stills import retry_while_full
from cameras.spool.durable import LockLost
from cameras.spool.records import ClipOutcome, ClipRecord
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.storage import RootMissing, Storage
from captures.recording.open_clip import OpenClip, make_record
from captures.recording.recovery import RecoveredClips, recover

log = logging.getLogger(__name__)
SYNC_S = 1.0
RETRY_S = 30.0
"""Seconds until a recovery that failed is tried again."""
Job = Callable[[], None]
ErrorHandler = Callable[[Exception], None]
RecoveredHandler = Callable[[RecoveredClips], None]


class ClipFinalizer:
    """`on_error` gets the error of a root that cannot be written; its clips stay for the next recovery."""

    def __init__(self, on_error: ErrorHandler) -> None:
        self._on_error = on_error
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._open: OpenClip | None = None
        self._busy = False
        self._syncs_since: float | None = None
        self._lost_frames: dict[str, int] = {}
        """For each clip of this process that is not finalized yet. Its file does not contain the number."""
        self._retry: tuple[float, Job] | None = None
        self._stopping = threading.Event()
        threading.Thread(target=self._run, name="clips", daemon=True).start()
        threading.Thread(target=self._sync_each_second, name="clip-sync", daemon=True).start()

    def set_open_clip(self, clip: OpenClip | None) -> None:
        """Set the clip to sync each second."""
        self._open = clip

    def finalize(
        self,
        clip: OpenClip,
        ended: datetime,
        on_finalized: Callable[[ClipRecord], None],
        on_recovered: RecoveredHandler,
    ) -> None:
        """Finalize a clip that gets no more frames; `on_finalized` gets its record once the record is safe. A clip that
        the disk or the encoder failed to finish is read again and repaired; `on_recovered` gets the result."""

        def job() -> None:
            self._lost_frames[clip.id] = clip.lost_frames
            try:
                clip.file.close()
            except OSError as error:
                clip.interrupt("write_error", f"The disk failed at the end of the clip ({error.strerror}).")
            if clip.is_whole:
                on_finalized(_commit_clip(clip, ended))
                del self._lost_frames[clip.id]
                return
            found = self._recover(clip.storage, [clip.id], _decided_outcome(clip))
            on_recovered(found)
            for failed in found.failed.values():
                raise failed

        self._enqueue(job)

    def recover_clips(
        self, storage: Storage, clips: list[str], decided: DecidedOutcome | None, on_recovered: RecoveredHandler
    ) -> None:
        """Recover clips that an earlier owner of the spool left. `on_recovered` gets the result. Clips that the disk
        cannot read yet are tried again every RETRY_S; recording continues."""

        def job() -> None:
            found = self._recover(storage, clips, decided)
            on_recovered(found)
            if found.failed:
                retry = functools.partial(self.recover_clips, storage, list(found.failed), decided, on_recovered)
                self._retry = (time.monotonic() + RETRY_S, retry)

        self._retry = None
        self._enqueue(job)

    def _recover(self, storage: Storage, clips: list[str], decided: DecidedOutcome | None) -> RecoveredClips:
        found = recover(storage, clips, decided, self._lost_frames)
        for clip in set(clips) - set(found.failed):
            self._lost_frames.pop(clip, None)
        return found

    def syncs_for_s(self, now: float) -> float:
        """Seconds since the running sync of the open clip began; 0 if there is none."""
        since = self._syncs_since
        return 0.0 if since is None else now - since

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

    def stop(self, timeout: float) -> bool:
        done = self.drain(timeout)
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        return done

    def _run(self) -> None:
        while not self._stopping.is_set():
            job = self._next_job()
            if job is not None:
                self._run_job(job)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next_job(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._stopping.is_set(), SYNC_S)
            self._busy = bool(self._jobs)
            if self._jobs:
                return self._jobs.popleft()
        return self._due_retry()

    def _due_retry(self) -> Job | None:
        retry = self._retry
        return retry[1] if retry is not None and time.monotonic() >= retry[0] else None

    def _run_job(self, job: Job) -> None:
        try:
            job()
        except (RootMissing, LockLost, OSError) as error:
            log.error("A clip is not safe on the disk: %s", error)
            self._on_error(error)
        except Exception as error:
            log.exception("A clip could not be finalized; it is recovered when its spool is opened again.")
            self._on_error(error)

    def _sync_each_second(self) -> None:
        while not self._stopping.wait(SYNC_S):
            self._syncs_since = time.monotonic()
            self._run_job(self._sync)
            self._syncs_since = None

    def _sync(self) -> None:
        clip = self._open
        if clip is not None:
            clip.file.sync()


def _decided_outcome(clip: OpenClip) -> DecidedOutcome:
    """Why a clip is not whole."""
    error = clip.file.failed
    message = f"The disk failed while the clip was recorded ({error.strerror})." if error else ""
    return DecidedOutcome(clip.reason or "write_error", clip.message or message)


def _commit_clip(clip: OpenClip, ended: datetime) -> ClipRecord:
    """Commit and place the clip, and mark its record as done."""
    storage = clip.storage
    storage.check()
    outcome: ClipOutcome = {
        "ended": ended.isoformat(), "frames": clip.frames, "lost_frames": clip.lost_frames,
        "interrupted": clip.interrupted, "reason": clip.reason, "message": clip.message,
    }  # fmt: skip
    record = make_record(clip.plan, storage.root, outcome, clip.file.bytes, clip.file.sha256)
    retry_while_full(storage.spool.commit, record)
    retry_while_full(storage.spool.place, record)
    storage.spool.done(record)
    return record
