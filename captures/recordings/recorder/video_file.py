"""A clip's file while it is written. It is hashed on the way, so that it need not be read again."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from typing import Any

from cameras.spool.durable import RootFiles


class VideoFile:
    """A new file of the spool. `write` is called by one thread, `sync` by any."""

    def __init__(self, files: RootFiles, folder: str, name: str) -> None:
        """OSError of the disk."""
        self._file = files.open_new(folder, name)
        self._digest = hashlib.sha256()
        self._closing = threading.Lock()
        self.bytes = 0
        self.synced = False
        """Whether the disk has synced a part of it."""
        self.failed: OSError | None = None

    def write(self, data: Any) -> int:
        """Raises OSError once. Later writes are discarded, so that the encoder of a failed file can finish."""
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
        """Hash exactly what is on the disk, also when a write is cut short."""
        while view:
            # Not a buffered file: what os.write has accepted survives a kill of the process.
            written = os.write(self._file, view)
            self._digest.update(view[:written])
            self.bytes += written
            view = view[written:]

    def sync(self) -> None:
        """Make all bytes written so far survive a power cut. A closed file needs no sync. After an OSError the content
        of the disk is unknown, and a later sync cannot reveal it."""
        # Held during the sync: were the file closed meanwhile, its descriptor could already be another file.
        with self._closing:
            if self._file >= 0:
                # fdatasync includes the new length of the file and leaves out its times.
                self._sync(os.fdatasync)
                self.synced = True

    def close(self) -> None:
        """Sync and close. OSError as in `sync`; the file is closed all the same."""
        # The recorder's thread writes nothing more; a sync on the thread of `ClipSync` may still run.
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
