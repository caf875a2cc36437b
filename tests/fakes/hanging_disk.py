"""A disk on which writing one kind of file takes until the test lets it end."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from cameras.runtime.durable import Chunk, RootFiles
from cameras.runtime.watchdog import DiskWatchdog

PATIENCE_S = 20.0


class HangingDisk(RootFiles):
    """What is created with `word` in its name hangs; `met` says that something does."""

    def __init__(self, path: str, word: str, watchdog: DiskWatchdog | None = None) -> None:
        super().__init__(path, watchdog)
        self._word = word
        self.met, self.let_go = threading.Event(), threading.Event()

    def create(self, folder: str, name: str, chunks: Iterable[Chunk]) -> None:
        with self.watchdog.watch_call():
            if self._word in name:
                self.met.set()
                assert self.let_go.wait(PATIENCE_S), "nobody let the disk go on"
        super().create(folder, name, chunks)
