"""The file of an open clip: its names in the spool and its record. It is hashed while it is written, so that it need
not be read again, and synced each second, so that a power cut costs no more than that."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from cameras.spool.durable import LockLost, RootFiles
from cameras.spool.records import ClipBody, ClipOutcome, ClipPlan, ClipRecord, PartFile
from cameras.spool.storage import RootMissing

PART: Final = "clips"
"""The part of the camera's spool with its clips."""
KIND = "clip"
"""The kind of a clip's only file."""


def make_record(plan: ClipPlan, root: str, outcome: ClipOutcome, size: int, sha256: str) -> ClipRecord:
    """The record of a clip that has ended."""
    file = PartFile(
        kind=KIND, bytes=size, sha256=sha256, part=f"{plan['id']}.{KIND}.part", path=plan["path"],
        width=plan["width"], height=plan["height"],
    )  # fmt: skip
    body = ClipBody(
        kind=plan["kind"], started=plan["started"], simulated=plan["simulated"], codec=plan["codec"],
        copied=plan["copied"], requested_by=plan["requested_by"], origin=plan.get("origin", {}), **outcome,
    )  # fmt: skip
    return ClipRecord(
        kind="clip", id=plan["id"], camera=plan["camera"], slug=plan["slug"], root=root, files=[file], body=body
    )


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


log = logging.getLogger(__name__)
SYNC_S = 1.0
ErrorHandler = Callable[[Exception], None]


class Syncable(Protocol):
    def sync(self) -> None:
        """OSError."""


class ClipSync:
    """Has a thread of its own: neither the recorder nor the recovery of other clips waits for it. `on_error` gets the
    error of a sync."""

    def __init__(self, on_error: ErrorHandler) -> None:
        self._on_error = on_error
        self._file: Syncable | None = None
        self._began: float | None = None
        threading.Thread(target=self._run, name="clip-sync", daemon=True).start()

    def set_file(self, file: Syncable | None) -> None:
        """Set the file of the open clip."""
        self._file = file

    def runs_for_s(self, now: float) -> float:
        """Seconds since the running sync began; 0 if there is none."""
        began = self._began
        return 0.0 if began is None else now - began

    def _run(self) -> None:
        while True:
            time.sleep(SYNC_S)
            # Read once: the recorder's thread replaces it. A file that is closed meanwhile is not synced
            # (`VideoFile.sync`).
            file = self._file
            if file is not None:
                self._began = time.monotonic()
                run_and_report(file.sync, self._on_error)
                self._began = None


def run_and_report(job: Callable[[], None], on_error: ErrorHandler) -> None:
    """Run `job`; its error is logged and passed on, so that its thread continues."""
    try:
        job()
    except (RootMissing, LockLost, OSError) as error:
        log.error("A clip is not safe on the disk: %s", error)
        on_error(error)
    except Exception as error:
        log.exception("A clip could not be finalized; it is recovered when its spool is opened again.")
        on_error(error)
