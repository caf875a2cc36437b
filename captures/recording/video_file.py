"""A clip's file while it grows: hashed as it is written, so that nobody need read it again."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from typing import Any

from cameras.runtime.durable import RootFiles


class VideoFile:
    """A new file of the spool. `write` is called by one thread, `sync` by any."""

    def __init__(self, files: RootFiles, folder: str, name: str) -> None:
        """OSError as the disk says it."""
        self._file = files.open_new(folder, name)
        self._digest = hashlib.sha256()
        self._closing = threading.Lock()
        self.bytes = 0
        self.synced = False
        """Whether the disk has taken something of it for good."""
        self.failed: OSError | None = None

    def write(self, data: Any) -> int:
        """OSError once: whoever ends a file that failed writes into nothing."""
        view = memoryview(data)
        if self.failed is not None:
            return len(view)
        try:
            self._append(view)
        except OSError as error:
            self.failed = error
            raise
        return len(view)

    def _append(self, view: memoryview) -> None:
        """What is on the disk is what is hashed, also of a write that the disk cuts short."""
        while view:
            written = os.write(self._file, view)
            self._digest.update(view[:written])
            self.bytes += written
            view = view[written:]

    def sync(self) -> None:
        """What was written so far outlives a power cut. Of a file that is closed it does already. OSError: then nobody
        knows what is on the disk, and a later sync does not say it."""
        with self._closing:
            if self._file >= 0:
                self._sync(os.fdatasync)
                self.synced = True

    def close(self) -> None:
        """Synced. OSError as of `sync`; the file is closed all the same."""
        with self._closing:
            try:
                self._sync(os.fsync)
            finally:
                os.close(self._file)
                self._file = -1

    def _sync(self, how: Callable[[int], None]) -> None:
        try:
            how(self._file)
        except OSError as error:
            self.failed = error
            raise

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
