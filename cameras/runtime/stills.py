"""The still thread: it encodes, writes, commits and places exposures, in the order of their plans.

The camera loop does not encode or fsync, since that would slow down frames and stills.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cameras.drivers.base import CameraError, Exposure, Identity
from cameras.runtime.clock import clock_state
from cameras.runtime.consumers import StillConsumer
from cameras.runtime.session_runner import SessionRunner
from cameras.spool.durable import LockLost
from cameras.spool.recovery import failed_record, parts_of
from cameras.spool.session_files import iso
from cameras.spool.spool import PartFile, Plan, Record, Spool, is_out_of_space
from cameras.spool.storage import RootMissing, Storage
from core.watchdog import DISK_TIMEOUT_S

log = logging.getLogger(__name__)
MOST_WAITING = 4
MOST_TRIES = 30


@dataclass(slots=True)
class Still:
    """An exposure to be written, or the outcome of a capture without one."""

    plan: Plan
    identity: Identity
    kind: str
    exposure: Exposure | None = None
    reason: str = ""
    message: str = ""
    outcome: str = "failed"
    command: str = ""


class StillQueue:
    def __init__(
        self,
        writer: StillConsumer,
        runner: SessionRunner,
        spooled: Callable[[Record, Still], None],
        lost: Callable[[Exception], None],
        describe_error: Callable[[OSError], str],
    ) -> None:
        self._writer, self._runner, self._spooled, self._lost = writer, runner, spooled, lost
        self._describe_error = describe_error
        self._waiting: deque[tuple[Storage, Still]] = deque()
        self._changed = threading.Condition()
        self.timeout_s = DISK_TIMEOUT_S
        self._began: float | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="stills", daemon=True)
        self._thread.start()

    def put(self, storage: Storage, still: Still) -> None:
        """Block while MOST_WAITING stills wait, since the disk is slower than the camera. After `timeout_s` the root
        counts as lost; this still waits with the others until the disk answers."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._waiting) < MOST_WAITING, self.timeout_s):
                self._lost(self.timeout_error())
            self._waiting.append((storage, still))
            self._changed.notify_all()

    @property
    def is_stuck(self) -> bool:
        """Whether the still thread has waited for the disk for longer than `timeout_s`. Never waits."""
        began = self._began
        return began is not None and time.monotonic() - began > self.timeout_s

    def timeout_error(self) -> OSError:
        return TimeoutError(errno.ETIMEDOUT, f"it takes longer than {self.timeout_s:g} s")

    def drain(self, timeout: float) -> bool:
        """Wait until all stills are written; False when that takes longer than `timeout`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._began is None, timeout)

    def stop(self, timeout: float) -> bool:
        done = self.drain(timeout)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        return done

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if not self._waiting:
                    return
                storage, still = self._waiting.popleft()
                self._began = time.monotonic()
                self._changed.notify_all()
            try:
                self._write_still(storage, still)
            finally:
                with self._changed:
                    self._began = None
                    self._changed.notify_all()

    def _write_still(self, storage: Storage, still: Still) -> None:
        try:
            record = self._build_record(storage, still)
            self._commit_record(storage, record)
        except (RootMissing, LockLost, OSError) as error:
            log.error("Capture %s is not safe on the disk: %s", still.plan["id"], error)
            self._lost(error)
            return
        except Exception as error:
            log.exception("Capture %s could not be recorded", still.plan["id"])
            self._lost(error)
            return
        self._spooled(record, still)

    def _build_record(self, storage: Storage, still: Still) -> Record:
        """Write the files. An error becomes the reason of the record."""
        if still.exposure is None:
            record = failed_record(still.plan, storage.root, still.reason, still.message, still.outcome)
            record["body"] |= describe_conditions(still)
            return record
        storage.check()
        record = failed_record(still.plan, storage.root, "", "", outcome="saved")
        record["body"] |= describe_conditions(still) | describe_exposure(still.exposure)
        try:
            record["files"] = self._write_files(storage.spool, still)
        except OSError as error:
            reason = "disk_full" if is_out_of_space(error) else "write_error"
            record["body"] |= {"outcome": "failed", "reason": reason, "message": self._describe_error(error)}
            delete_parts(storage.spool, still.plan["id"])
        except CameraError as error:
            record["body"] |= {"outcome": "failed", "reason": error.reason, "message": str(error)}
            delete_parts(storage.spool, still.plan["id"])
        except Exception as error:
            log.exception("Capture %s could not be written", still.plan["id"])
            message = f"The picture could not be written as a file: {error} See the log for details."
            record["body"] |= {"outcome": "failed", "reason": "write_error", "message": message[:1000]}
            delete_parts(storage.spool, still.plan["id"])
        else:
            if still.exposure.missing:
                missing = ", ".join(still.exposure.missing)
                message = f"The camera promised {missing} and did not deliver it. The files that arrived are kept."
                record["body"] |= {"outcome": "failed", "reason": "incomplete", "message": message}
        return record

    def _write_files(self, spool: Spool, still: Still) -> list[PartFile]:
        """After EIO all parts are written again, once: after a failed fsync the content of a file is unknown."""
        assert still.exposure is not None
        try:
            return self._writer.write_files(spool, still.plan, still.exposure, still.identity)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            delete_parts(spool, still.plan["id"])
            return self._writer.write_files(spool, still.plan, still.exposure, still.identity)

    def _commit_record(self, storage: Storage, record: Record) -> None:
        storage.check()
        retry_while_full(storage.spool.commit, record)
        retry_while_full(storage.spool.place, record)
        self._runner.settle_capture(storage.spool, record)
        storage.spool.done(record)


def retry_while_full(step: Callable[[Record], None], record: Record) -> None:
    """Run a step of the spool; retry it each second while the disk is too full for even a file name."""
    for _ in range(MOST_TRIES):
        try:
            step(record)
            return
        except OSError as error:
            if not is_out_of_space(error):
                raise
            time.sleep(1.0)
    step(record)


def delete_parts(spool: Spool, capture: str) -> None:
    for name in parts_of(spool, capture):
        spool.files.unlink(spool.folder, name)


def describe_conditions(still: Still) -> dict[str, Any]:
    """The fields of a record that do not depend on whether the capture was saved."""
    return {
        "driver": still.kind,
        "library": still.identity.library,
        "firmware": still.identity.firmware,
        "serial": still.identity.serial,
        "clock": clock_state(),
        "command": still.command,
    }


def describe_exposure(exposure: Exposure) -> dict[str, Any]:
    return {
        **{name: exposure.actual.get(name) for name in ("exposure_us", "gain", "iso", "f_number")},
        "started": iso(exposure.started_ns / 1e9),
        "ended": iso(exposure.ended_ns / 1e9),
        "warnings": exposure.warnings,
        "temperature_celsius": exposure.temperature_celsius,
        "simulated": exposure.simulated,
    }
