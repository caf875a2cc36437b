"""`Studio`: where a camera host draws thumbnails that nobody made at capture time.

One thread and one child process at a time, so that the pool that carries commands to cameras is never filled with
pictures. The newest order first: somebody looks at that page now.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

from cameras.runtime.storage import RootMissing
from captures.models import CaptureFile, Clip
from captures.stills.draughtsman import CLIP, Order
from captures.stills.thumbnails import ThumbnailStore

log = logging.getLogger(__name__)
MOST_WAITING = 500
BATCH = 8
PATIENCE_S = 150.0
"""For a batch, after which its first picture without an answer counts as one that cannot be drawn."""
PROJECT = Path(__file__).resolve().parent.parent
PASSING = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")


def order_of(file: CaptureFile | Clip) -> Order:
    return Order(
        root=str(file.root_id),
        root_path=file.root.path,
        path=file.path,
        kind=CLIP if isinstance(file, Clip) else file.kind,
        sha256=file.sha256,
        bytes=file.bytes,
        simulated=isinstance(file, Clip) and file.simulated,
    )


class Studio:
    def __init__(self) -> None:
        self._waiting: dict[str, Order] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def ask(self, order: Order) -> None:
        """Returns at once. Asking twice is asking once; the oldest order gives way when too many wait."""
        with self._changed:
            self._waiting.pop(order["sha256"], None)
            self._waiting[order["sha256"]] = order
            while len(self._waiting) > MOST_WAITING:
                self._waiting.pop(next(iter(self._waiting)))
                self.dropped += 1
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="studio", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                count = min(BATCH, len(self._waiting))
                batch = [self._waiting.popitem()[1] for _ in range(count)]
            try:
                self._draw(batch)
            except OSError as error:
                log.warning("No thumbnails could be drawn: %s", error)

    def _draw(self, batch: list[Order]) -> None:
        said, ended = drawn(batch)
        for order, answer in zip(batch, said, strict=False):
            if answer.startswith("failed"):
                log.warning("No thumbnails of %s: %s", order["path"], answer)
        if ended and len(said) < len(batch):
            self._blame(batch[len(said)], ended)
            for order in reversed(batch[len(said) + 1 :]):
                self.ask(order)

    def _blame(self, order: Order, ended: str) -> None:
        log.error("%s cannot be drawn: the decoder %s.", order["path"], ended)
        try:
            with ThumbnailStore(order["root_path"], order["root"]) as store:
                store.refuse(order["sha256"], f"The decoder {ended}.")
        except RootMissing as error:
            log.warning("%s", error)


def drawn(batch: list[Order]) -> tuple[list[str], str]:
    """The child's answers, and what made an end of it before the last one: empty when no picture is to blame."""
    command = [sys.executable, "-m", "captures.stills.draughtsman"]
    environment = {name: os.environ[name] for name in PASSING if name in os.environ}
    orders = "".join(f"{json.dumps(order)}\n" for order in batch).encode()
    try:
        child = subprocess.run(
            command, input=orders, stdout=subprocess.PIPE, cwd=PROJECT, env=environment, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        return answers(error.stdout or b""), f"took more than {PATIENCE_S:g} s"
    return answers(child.stdout), f"was ended by signal {-child.returncode}" if child.returncode < 0 else ""


def answers(output: bytes) -> list[str]:
    """Whole lines only."""
    return [json.loads(line) for line in output.split(b"\n")[:-1]]


@functools.cache
def studio() -> Studio:
    """This process's."""
    return Studio()
