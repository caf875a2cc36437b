"""From a clip's last frame to its record: synced, committed, placed, on a thread of its own, so that the next clip's
frames wait for no disk. The same thread repairs what a crash cut off; another syncs the open clip each second, however
long that takes."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

from cameras.runtime.durable import LockLost
from cameras.runtime.recovery import DecidedOutcome
from cameras.runtime.spool import Record
from cameras.runtime.stills import retry_while_full
from cameras.runtime.storage import RootMissing, Storage
from captures.recording.open_clip import OpenClip, record_of
from captures.recording.recovery import Recovered, recover

log = logging.getLogger(__name__)
SYNC_S = 1.0
AGAIN_S = 30.0
"""From a recovery that the disk did not let end to the next try."""
Job = Callable[[], None]
Lost = Callable[[Exception], None]
Mended = Callable[[Recovered], None]


class Filer:
    """`lost` hears of a root that cannot be written, and what was to be filed stays for the next recovery."""

    def __init__(self, lost: Lost) -> None:
        self._lost = lost
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._open: OpenClip | None = None
        self._busy = False
        self._syncs_since: float | None = None
        self._lost_frames: dict[str, int] = {}
        """Of each clip of this process that is not filed yet: its file does not say."""
        self._again: tuple[float, Job] | None = None
        self._stopping = threading.Event()
        threading.Thread(target=self._run, name="clips", daemon=True).start()
        threading.Thread(target=self._sync_each_second, name="clip-sync", daemon=True).start()

    def watch(self, clip: OpenClip | None) -> None:
        """The clip that is being written now."""
        self._open = clip

    def file(self, clip: OpenClip, ended: datetime, filed: Callable[[Record], None], mended: Mended) -> None:
        """A clip to which nothing is added any more; `filed` is called with its record when that is safe. One that the
        disk or an encoder did not let end is read again, and `mended` says what is left of it."""

        def job() -> None:
            self._lost_frames[clip.id] = clip.lost_frames
            try:
                clip.file.close()
            except OSError as error:
                clip.cut("write_error", f"The disk failed at its end ({error.strerror}).")
            if clip.is_whole:
                filed(_filed(clip, ended))
                del self._lost_frames[clip.id]
                return
            found = self._recovered(clip.storage, [clip.id], _decided_outcome(clip))
            mended(found)
            for failed in found.failed.values():
                raise failed

        self._put(job)

    def recover(self, storage: Storage, clips: list[str], decided: DecidedOutcome | None, mended: Mended) -> None:
        """Clips that another owner of the spool left; `mended` says what became of them. Those that the disk did not
        let go through are tried again by and by, and keep nobody from recording."""

        def job() -> None:
            found = self._recovered(storage, clips, decided)
            mended(found)
            if found.failed:
                again = functools.partial(self.recover, storage, list(found.failed), decided, mended)
                self._again = (time.monotonic() + AGAIN_S, again)

        self._again = None
        self._put(job)

    def _recovered(self, storage: Storage, clips: list[str], decided: DecidedOutcome | None) -> Recovered:
        found = recover(storage, clips, decided, self._lost_frames)
        for clip in set(clips) - set(found.failed):
            self._lost_frames.pop(clip, None)
        return found

    def syncs_for_s(self, now: float) -> float:
        """How long the disk has been syncing the open clip; 0 while it does not."""
        since = self._syncs_since
        return 0.0 if since is None else now - since

    def then(self, job: Job) -> None:
        """After all that was put before it."""
        self._put(job)

    def _put(self, job: Job) -> None:
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until all is filed; False when it took longer."""
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
            job = self._next()
            if job is not None:
                self._do(job)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._stopping.is_set(), SYNC_S)
            self._busy = bool(self._jobs)
            if self._jobs:
                return self._jobs.popleft()
        return self._due_again()

    def _due_again(self) -> Job | None:
        again = self._again
        return again[1] if again is not None and time.monotonic() >= again[0] else None

    def _do(self, job: Job) -> None:
        try:
            job()
        except (RootMissing, LockLost, OSError) as error:
            log.error("A clip is not safe on the disk: %s", error)
            self._lost(error)
        except Exception as error:
            log.exception("A clip could not be filed; it is tried again when its spool is opened anew.")
            self._lost(error)

    def _sync_each_second(self) -> None:
        while not self._stopping.wait(SYNC_S):
            self._syncs_since = time.monotonic()
            self._do(self._sync)
            self._syncs_since = None

    def _sync(self) -> None:
        clip = self._open
        if clip is not None:
            clip.file.sync()


def _decided_outcome(clip: OpenClip) -> DecidedOutcome:
    """On a clip that is not whole."""
    error = clip.file.failed
    said = f"The disk failed while it was recorded ({error.strerror})." if error else ""
    return DecidedOutcome(clip.reason or "write_error", clip.message or said)


def _filed(clip: OpenClip, ended: datetime) -> Record:
    """Committed, placed and done."""
    storage = clip.storage
    storage.check()
    told: dict[str, object] = {
        "ended": ended.isoformat(), "frames": clip.frames, "lost_frames": clip.lost_frames,
        "interrupted": clip.interrupted, "reason": clip.reason, "message": clip.message,
    }  # fmt: skip
    record = record_of(clip.plan, storage.root, told, clip.file.bytes, clip.file.sha256)
    retry_while_full(storage.spool.commit, record)
    retry_while_full(storage.spool.place, record)
    storage.spool.done(record)
    return record
