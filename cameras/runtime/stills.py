"""Writes a still: its files, its record, and the count of its session, in the order of the spool protocol; and
fetches the pictures that a camera still holds after their exposures."""

from __future__ import annotations

import errno
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cameras.drivers.base import CameraError, Exposure, FileReference, Identity
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.clock import CameraClock, describe_jump
from cameras.runtime.consumers import StillConsumer
from cameras.runtime.device import Device
from cameras.runtime.due_stills import Due
from cameras.runtime.session_exposure import ExposureStatistics, SessionExposure, measured_body
from cameras.runtime.watched_driver import WatchedDriver
from cameras.spool.durable import LockLost
from cameras.spool.full_disk import disk_reason, retry_while_full
from cameras.spool.moments import iso
from cameras.spool.records import (
    CaptureConditions,
    CaptureObservations,
    CaptureRecord,
    ClockState,
    FollowingStart,
    PartFile,
    Plan,
    ReferenceContent,
)
from cameras.spool.recovery import failed_record, parts_of
from cameras.spool.spool import Spool
from cameras.spool.storage import RootMissing, Storage

log = logging.getLogger(__name__)
MEASURED_WITHIN_S = 0.2
"""How long a record waits for the statistics of its capture, which are usually there when its files are written."""


@dataclass(slots=True)
class Still:
    """An exposure to be fetched and written, or the outcome of a capture without one."""

    plan: Plan
    identity: Identity
    kind: str
    clock: ClockState
    exposure: Exposure | None = None
    reason: str = ""
    message: str = ""
    command: str = ""
    due: Due | None = None
    """The start of the session that it belongs to."""
    opening: int = 0
    """Which opening of the camera it was exposed in: `Device.openings`."""

    @property
    def waits_for_fetch(self) -> bool:
        """Whether the camera still holds its picture."""
        return self.exposure is not None and self.exposure.fetch is not None


class StillRecorder:
    """Used by the still thread. `settle` counts a capture in its session; `on_recorded` and `on_lost` get the outcome:
    the record is durable, or the storage root cannot be written to."""

    def __init__(
        self,
        writer: StillConsumer,
        statistics: ExposureStatistics,
        clock: CameraClock,
        settle: Callable[[Spool, CaptureRecord], None],
        describe_error: Callable[[OSError], str],
        on_recorded: Callable[[CaptureRecord, Still], None],
        on_lost: Callable[[Exception], None],
    ) -> None:
        self._writer, self._statistics, self._clock = writer, statistics, clock
        self._settle, self._describe_error = settle, describe_error
        self._on_recorded, self._on_lost = on_recorded, on_lost

    def write(self, storage: Storage, still: Still) -> None:
        try:
            record = self._build_record(storage, still)
            # Again, because the root may have been unmounted while the files were written.
            storage.check()
            retry_while_full(storage.spool.commit, record)
            retry_while_full(storage.spool.place, record)
            # Before `done`: after a kill between the two a resumed session must not use the index again.
            self._settle(storage.spool, record)
            storage.spool.done(record)
        except (RootMissing, LockLost, OSError) as error:
            log.error("Capture %s is not safe on the disk: %s", still.plan["id"], error)
            self._on_lost(error)
        except Exception as error:
            # For example a value that JSON cannot hold. The plan is still there, so the recovery records an outcome.
            log.exception("Capture %s could not be recorded", still.plan["id"])
            self._on_lost(error)
        else:
            self._on_recorded(record, still)

    def _build_record(self, storage: Storage, still: Still) -> CaptureRecord:
        """Write the files. An error of the camera, the encoder or the disk becomes the reason of the record."""
        now = self._clock.wall_ns() / 1e9
        if still.exposure is None:
            record = failed_record(still.plan, storage.root, still.reason, still.message, now=now)
            record["body"] = {**record["body"], **self._conditions(still)}
            return record
        # Outside the `try` below: on a root that is gone nothing is written, not even a failure.
        storage.check()
        record = failed_record(still.plan, storage.root, "", "", outcome="saved", now=now)
        if jump := describe_jump(still.clock):
            still.exposure.warnings = [*still.exposure.warnings, jump]
        record["body"] = {**record["body"], **self._conditions(still), **describe_exposure(still.exposure)}
        if still.exposure.references:
            record["body"]["references"] = [describe_reference(one) for one in still.exposure.references]
        try:
            record["files"] = self._write_files(storage.spool, still, still.exposure)
        except OSError as error:
            reason, message = disk_reason(error), self._describe_error(error)
        except CameraError as error:
            reason, message = error.reason, str(error)
        except Exception as error:
            log.exception("Capture %s could not be written", still.plan["id"])
            reason = "write_error"
            message = f"The picture could not be written as a file: {error} See the log for details."[:1000]
        else:
            opened_s = (self._clock.wall_ns() - still.exposure.started_ns) / 1e9
            # The clock may have been set back meanwhile.
            record["body"]["durable_after_s"] = round(max(0.0, opened_s), 6)
            if measured := self._statistics.result(still.plan["id"], MEASURED_WITHIN_S):
                record["body"]["statistics"] = measured_body(measured)
            if missing := describe_missing(still.exposure, record["files"]):
                set_failed(record, "incomplete", missing)
            return self._with_end(record, still, still.exposure)
        set_failed(record, reason, message)
        # Before the record: on a full disk this makes room for it.
        delete_parts(storage.spool, still.plan["id"])
        return self._with_end(record, still, still.exposure)

    def _with_end(self, record: CaptureRecord, still: Still, exposure: Exposure) -> CaptureRecord:
        """The record of a capture that ends now. By the monotonic clock: the wall clock may have been set since the
        exposure began, which the record says."""
        wall, monotonic = exposure.called
        ended = max(wall + self._clock.monotonic() - monotonic, exposure.ended_ns / 1e9)
        body = record["body"]
        body["ended"] = iso(ended)
        # The next exposure did not wait for this picture.
        if still.due is not None and "after_s" in body.get("following", {}):
            body["following"] = FollowingStart(at=iso(exposure.ended_ns / 1e9 + body["following"]["after_s"]))
        return record

    def _write_files(self, spool: Spool, still: Still, exposure: Exposure) -> list[PartFile]:
        """After EIO all parts are written again, once: after a failed fsync the content of a file is unknown."""
        try:
            return self._writer.write_files(spool, still.plan, exposure, still.identity, still.clock)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            delete_parts(spool, still.plan["id"])
            return self._writer.write_files(spool, still.plan, exposure, still.identity, still.clock)

    @staticmethod
    def _conditions(still: Still) -> CaptureConditions:
        return {
            **still.clock,
            "driver": still.kind,
            "library": still.identity.library,
            "firmware": still.identity.firmware,
            "serial": still.identity.serial,
            "command": still.command,
        }


def set_failed(record: CaptureRecord, reason: str, message: str) -> None:
    body = record["body"]
    body["outcome"], body["reason"], body["message"] = "failed", reason, message


def describe_missing(exposure: Exposure, files: list[PartFile]) -> str:
    """What was promised and is not among the written files; empty when nothing is missing."""
    missing = ", ".join(exposure.missing)
    if not missing:
        return "" if files or exposure.references else "The camera delivered neither a picture nor where it is."
    if exposure.frame is not None:
        return f"The picture could not be written as {missing}. The other files are kept; the warnings say why."
    return f"The camera promised {missing} and did not deliver it. The files that arrived are kept."


def describe_exposure(exposure: Exposure) -> CaptureObservations:
    return CaptureObservations(
        exposure_us=exposure.actual.get("exposure_us"),
        gain=exposure.actual.get("gain"),
        iso=exposure.actual.get("iso"),
        f_number=exposure.actual.get("f_number"),
        started=iso(exposure.started_ns / 1e9),
        ended=iso(exposure.ended_ns / 1e9),
        warnings=exposure.warnings,
        temperature_celsius=exposure.temperature_celsius,
        simulated=exposure.simulated,
    )


def describe_reference(reference: FileReference) -> ReferenceContent:
    return ReferenceContent(kind=reference.kind, place=reference.place, bytes=reference.bytes, sha256=reference.sha256)


def delete_parts(spool: Spool, capture: str) -> None:
    for name in parts_of(spool, capture):
        spool.files.unlink(spool.folder, name)


HUNG = "The camera did not deliver the picture in time, and was closed."
INTERRUPTED = "The station was stopped before the picture was fetched from the camera."


@dataclass(frozen=True, slots=True)
class FetchResult:
    """Of the camera in this opening; `error` is None when the picture has arrived."""

    opening: int
    error: CameraError | None


class Failure(NamedTuple):
    """Why a picture was not fetched, and the reason and the message of its capture."""

    error: CameraError
    reason: str
    message: str


class PictureFetcher:
    """The still thread fetches. The camera loop's thread calls `handle_results` and `interrupt`.

    | what ends a fetch                                  | outcome of its capture                          |
    |----------------------------------------------------|-------------------------------------------------|
    | the picture has arrived                            | that of writing it                              |
    | an error of the camera, or its closing             | failed, with the reason of the error            |
    | the closing of a camera that hangs                 | failed, camera_hung                             |
    | the end of the station, which waits for some time  | failed, interrupted                             |
    """

    def __init__(
        self,
        driver: WatchedDriver,
        device: Device,
        session_exposure: SessionExposure,
        buffer: SharedFrameBuffer,
        handle_error: Callable[[CameraError], None],
    ) -> None:
        self._driver, self._device, self._session_exposure = driver, device, session_exposure
        self._buffer, self._handle_error = buffer, handle_error
        # No lock: append and popleft of a deque are atomic.
        self._results: deque[FetchResult] = deque()
        self._is_interrupted = False

    # On the still thread

    def fetch(self, still: Still) -> None:
        """Fetch the picture of a still. After an error the still has its reason instead of the exposure."""
        exposure = still.exposure
        assert exposure is not None
        failure = self._fetch(exposure)
        exposure.fetch = None
        if failure is None:
            self._publish(still, exposure)
        else:
            still.exposure, still.reason, still.message = None, failure.reason, failure.message
        self._results.append(FetchResult(still.opening, failure.error if failure else None))
        # The next exposure may have waited for this picture.
        self._driver.clock.wake()

    def _fetch(self, exposure: Exposure) -> Failure | None:
        assert exposure.fetch is not None
        if self._is_interrupted:
            return self._describe(CameraError(INTERRUPTED))
        with self._driver.watch_fetch(exposure.fetch_s) as deadline:
            try:
                exposure.fetch(deadline)
            except CameraError as error:
                return self._describe(error)
            except Exception as error:
                # An error in the driver. Without this the capture would only get an outcome from the next process.
                log.exception("A picture could not be fetched")
                return self._describe(CameraError(f"The picture could not be fetched: {error!r}. See the log."))
        return None

    def _describe(self, error: CameraError) -> Failure:
        if self._is_interrupted:
            return Failure(error, "interrupted", INTERRUPTED)
        if self._driver.fetch_timer.overdue_s:
            return Failure(error, "camera_hung", HUNG)
        return Failure(error, error.reason, str(error))

    def _publish(self, still: Still, exposure: Exposure) -> None:
        """To the statistics and the readers of frames."""
        self._device.exposures.correct_fetched(exposure)
        # First: it is measured while it is encoded and written.
        if still.due is not None:
            self._session_exposure.measure(still.plan["id"], still.due, exposure)
        if exposure.frame is not None:
            self._buffer.put_fetched_frame(exposure.frame)

    # On the camera loop's thread

    def handle_results(self) -> None:
        """What follows the fetches that have ended: a picture proves that the camera works; after an error it is closed
        and opened again, unless that has happened since."""
        device = self._device
        while self._results:
            result = self._results.popleft()
            if result.error is None:
                device.stream.record_picture()
                continue
            device.retries.record_failed_picture(result.error.reason)
            if device.is_open and result.opening == device.openings:
                self._handle_error(result.error)

    def interrupt(self) -> None:
        """The station stops: what is not fetched yet is interrupted. The closing of the camera ends the fetch."""
        self._is_interrupted = True
