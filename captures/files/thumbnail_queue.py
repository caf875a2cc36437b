"""A host's jobs part renders the thumbnails that were not made at capture time, in one thread and one child process,
the newest job first: someone is viewing its page now. `PosterSearch` finds new clips in the database and has their
posters rendered before a page asks for them, so no clip is missed while the broker or this process is away."""

from __future__ import annotations

import functools
import json
import logging
import os
import subprocess
import threading
from collections.abc import Callable
from uuid import UUID

from cameras.spool.storage import RootMissing
from captures.capturing.models import CaptureFile
from captures.files.opened import StoredCopy
from captures.recordings.clips.models import Clip, ClipQuerySet
from captures.thumbnails.store import CLIP, ThumbnailJob, ThumbnailStore
from core.jobs.children import kill_child, start_child
from core.periodic.task import Work
from core.retrying_thread import RetryingThread

log = logging.getLogger(__name__)
BatchRunner = Callable[[list[ThumbnailJob]], tuple[list[str], str]]
MAX_QUEUED = 500
BATCH = 8
IDLE_S = 3600.0
"""Without a job; a new one wakes the thread."""
BATCH_TIMEOUT_S = 150.0
"""For a batch. After it, the first picture without an answer is recorded as one that cannot be rendered."""


def job_for(file: CaptureFile | Clip | StoredCopy) -> ThumbnailJob:
    return ThumbnailJob(
        root=str(file.root.pk),
        root_path=file.root.path,
        path=file.path,
        kind=CLIP if isinstance(file, Clip) else file.kind,
        sha256=file.sha256,
        bytes=file.bytes,
        simulated=not isinstance(file, CaptureFile) and file.simulated,
    )


class ThumbnailQueue:
    """`run_batch` renders a batch, as `run_worker` does; `most` jobs can wait."""

    def __init__(self, run_batch: BatchRunner | None = None, most: int = MAX_QUEUED) -> None:
        self._run_batch, self._most = run_batch or run_worker, most
        self._waiting: dict[str, ThumbnailJob] = {}
        self._changed = threading.Lock()
        self._thread: RetryingThread | None = None
        self.dropped = 0

    def enqueue(self, job: ThumbnailJob) -> None:
        """Returns at once. A job is queued once; when the queue is full, the oldest is dropped."""
        with self._changed:
            # A job that waits already moves to the end, which is taken first: its page is being viewed now.
            self._waiting.pop(job["sha256"], None)
            self._waiting[job["sha256"]] = job
            while len(self._waiting) > self._most:
                self._waiting.pop(next(iter(self._waiting)))
                self.dropped += 1
            if self._thread is None:
                # It lives as long as this process: a child is killed when the thread that started it ends.
                self._thread = RetryingThread("thumbnail-queue", self._render_waiting, IDLE_S)
                self._thread.start()
            self._thread.wake()

    def _render_waiting(self) -> None:
        while batch := self._next_batch():
            try:
                self._render(batch)
            except OSError as error:
                log.warning("No thumbnails could be rendered: %s", error)

    def _next_batch(self) -> list[ThumbnailJob]:
        with self._changed:
            return [self._waiting.popitem()[1] for _ in range(min(BATCH, len(self._waiting)))]

    def _render(self, batch: list[ThumbnailJob]) -> None:
        answers, cause = self._run_batch(batch)
        for job, answer in zip(batch, answers, strict=False):
            if answer.startswith("failed"):
                log.warning("No thumbnails of %s: %s", job["path"], answer)
        if cause and len(answers) < len(batch):
            # The worker answers in order, so the first job without an answer ended it. Without the record it would end
            # each batch that it is in.
            self._record_failure(batch[len(answers)], cause)
            # Backwards, so that the newest is taken first again.
            for job in reversed(batch[len(answers) + 1 :]):
                self.enqueue(job)

    def _record_failure(self, job: ThumbnailJob, cause: str) -> None:
        log.error("%s cannot be rendered: the decoder %s.", job["path"], cause)
        try:
            with ThumbnailStore(job["root_path"], job["root"]) as store:
                store.write_failure(job["sha256"], f"The decoder {cause}.")
        except RootMissing as error:
            log.warning("%s", error)


def run_worker(batch: list[ThumbnailJob], timeout_s: float = BATCH_TIMEOUT_S) -> tuple[list[str], str]:
    """The worker's answers, and what ended it early; the cause is empty when no picture is responsible."""
    child = start_child("captures.thumbnails.worker", str(os.getpid()))
    jobs = "".join(f"{json.dumps(job)}\n" for job in batch).encode()
    try:
        output, _ = child.communicate(jobs, timeout_s)
    except subprocess.TimeoutExpired:
        kill_child(child)
        # What it answered before it was killed.
        output, _ = child.communicate()
        return parse_answers(output), f"took more than {timeout_s:g} s"
    finally:
        kill_child(child)
    return parse_answers(output), f"was ended by signal {-child.returncode}" if child.returncode < 0 else ""


def parse_answers(output: bytes) -> list[str]:
    """Incomplete lines are ignored."""
    return [json.loads(line) for line in output.split(b"\n")[:-1]]


@functools.cache
def local_queue() -> ThumbnailQueue:
    """The queue of this process."""
    return ThumbnailQueue()


NEWEST_CLIPS = 50
"""Clips that one search looks at: those of 5 s from ten cameras that rotate each second."""


class PosterSearch(Work):
    """Queues each of the newest clips of `host` once. A clip whose poster exists already costs its child a read."""

    def __init__(self, host: str, enqueue: Callable[[ThumbnailJob], None] | None = None) -> None:
        """`enqueue` is that of this process's queue by default."""
        super().__init__(host)
        self._enqueue = enqueue or local_queue().enqueue
        self._queued: set[UUID] = set()

    def run(self) -> None:
        """DatabaseError."""
        # Only ids: most searches find nothing new and need no rows.
        newest = list(self._clips().values_list("pk", flat=True)[:NEWEST_CLIPS])
        unseen = set(newest) - self._queued
        if unseen:
            for clip in self._clips().filter(pk__in=unseen).select_related("root").reverse():
                self._enqueue(job_for(clip))  # the queue takes the last one first: the newest
        # After the jobs: if the database fails before, the next search queues them again.
        self._queued = set(newest)

    def _clips(self) -> ClipQuerySet:
        return Clip.objects.present().filter(host=self.host).order_by("-started_at", "-id")
