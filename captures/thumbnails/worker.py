"""Renders thumbnails of pictures and clips: `python -m captures.thumbnails.worker PARENT`.

It reads a job from each line of stdin and writes one answer to stdout. It is a process of its own because image files
are hostile input: a crash of a decoder ends this process only. It has no secrets, limited memory and processor time,
and a low priority. Django-free.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from cameras.spool.storage import RootMissing
from captures.mp4 import UnsupportedMp4, faststart_header
from captures.thumbnails.rendering import Unreadable, image_from_file, render_thumbnails
from captures.thumbnails.store import CLIP, ThumbnailJob, ThumbnailStore
from core.jobs.children import limit_resources
from core.parent_death import die_with_parent

MEMORY_BYTES = 3_000_000_000
CPU_S = 120
NICE = 10


def render_file(job: ThumbnailJob) -> str:
    """The result, as a word or a sentence. For a file that cannot be rendered the reason is stored."""
    with ThumbnailStore(job["root_path"], job["root"]) as store:
        if job["kind"] == CLIP:
            # Before the poster: also a clip whose picture cannot be decoded can be opened quickly.
            _write_head(store, job)
        if store.has_all_sizes(job["sha256"]):
            return "already there"
        try:
            _render(store, job)
        except Unreadable as error:
            store.write_failure(job["sha256"], str(error))
            return str(error)
    return "rendered"


def _render(store: ThumbnailStore, job: ThumbnailJob) -> None:
    with _open_original(store, job) as file:
        image = image_from_file(file, job["kind"])
        for size, jpeg in render_thumbnails(image, simulated=job.get("simulated", False)):
            store.write_thumbnail(job["sha256"], size, jpeg)


def _write_head(store: ThumbnailStore, job: ThumbnailJob) -> None:
    """Store the index that makes the clip quick to open; empty for a clip that begins with its index."""
    if store.read_head(job["sha256"]) is not None:
        return
    with _open_original(store, job) as file:
        try:
            head = faststart_header(file.fileno(), job["bytes"])
        except UnsupportedMp4:
            # Stored as well: without a file the web would request it again with each view.
            head = b""
        store.write_head(job["sha256"], head)


@contextlib.contextmanager
def _open_original(store: ThumbnailStore, job: ThumbnailJob) -> Iterator[BinaryIO]:
    """OSError also when the file does not have the stored size."""
    with store.open_original(job["path"]) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        # Thumbnails are named by the hash in the row: a file of another size must not appear under it.
        if os.fstat(descriptor).st_size != job["bytes"]:
            raise OSError(f"{job['path']} does not have the stored size.")
        yield file


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    limit_resources(MEMORY_BYTES, CPU_S, NICE)
    for line in sys.stdin:
        try:
            answer = render_file(json.loads(line))
        except (OSError, RootMissing) as error:
            # A disk or a root may be back soon, so nothing is stored as a failure of the file.
            answer = f"failed: {error}"
        # At once: if a decoder crashes, the number of answers tells which file it was.
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
