"""Draws thumbnails of files, clips too: `python -m captures.stills.draughtsman`, orders on stdin, an answer for each on
stdout.

A process of its own, because pictures are hostile input: what crashes or bloats a decoder takes nothing else with it.
It has no secrets, little memory, little time and low priority. Django-free.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO, NotRequired, TypedDict

from cameras.runtime.storage import RootMissing
from captures.recording.faststart import faststart_header
from captures.recording.mp4_boxes import UnsupportedMp4
from captures.stills.drawing import Unreadable, from_file, thumbnails
from captures.stills.thumbnails import ThumbnailStore

MEMORY_BYTES = 3_000_000_000
CPU_S = 120
NICE = 10
CLIP = "mp4"


class Order(TypedDict):
    """One file to draw: `path` is relative to the root at `root_path`, whose marker says `root`."""

    root: str
    root_path: str
    path: str
    kind: str
    sha256: str
    bytes: int
    simulated: NotRequired[bool]


def draw(order: Order) -> str:
    """What came of it, in a word or a sentence. A file that cannot be drawn is remembered as such."""
    with ThumbnailStore(order["root_path"], order["root"]) as store:
        if order["kind"] == CLIP:
            _index(store, order)
        if store.complete(order["sha256"]):
            return "there already"
        try:
            _draw(store, order)
        except Unreadable as error:
            store.refuse(order["sha256"], str(error))
            return str(error)
    return "drawn"


def _draw(store: ThumbnailStore, order: Order) -> None:
    with _opened(store, order) as file:
        image = from_file(file, order["kind"])
        for size, jpeg in thumbnails(image, simulated=order.get("simulated", False)):
            store.put(order["sha256"], size, jpeg)


def _index(store: ThumbnailStore, order: Order) -> None:
    """What makes the clip quick to open; nothing for one that has it in itself."""
    if store.head(order["sha256"]) is not None:
        return
    with _opened(store, order) as file:
        try:
            head = faststart_header(file.fileno(), order["bytes"])
        except UnsupportedMp4:
            head = b""
        store.put_head(order["sha256"], head)


@contextlib.contextmanager
def _opened(store: ThumbnailStore, order: Order) -> Iterator[BinaryIO]:
    """OSError also when it is not the file that was stored."""
    with store.original(order["path"]) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        if os.fstat(descriptor).st_size != order["bytes"]:
            raise OSError(f"{order['path']} is not as long as it was stored.")
        yield file


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)


def main() -> None:
    limit()
    for line in sys.stdin:
        try:
            said = draw(json.loads(line))
        except (OSError, RootMissing) as error:
            said = f"failed: {error}"
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
