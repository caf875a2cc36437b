"""A disk on which writing one kind of file hangs until the test releases it."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from cameras.spool.durable import Chunk, RootFiles
from core.watchdog import DiskWatchdog

PATIENCE_S = 60.0


class HangingDisk(RootFiles):
    """Creating a file with `word` in its name hangs until `released` is set; `is_hanging` is set meanwhile."""

    def __init__(self, path: str, word: str, watchdog: DiskWatchdog | None = None) -> None:
        super().__init__(path, watchdog)
        self._word = word
        self.is_hanging, self.released = threading.Event(), threading.Event()

    def create(self, folder: str, name: str, chunks: Iterable[Chunk]) -> None:
        with self.watchdog.watch_call():
            if self._word in name:
                self.is_hanging.set()
                assert self.released.wait(PATIENCE_S), "the test did not release the disk"
        super().create(folder, name, chunks)
