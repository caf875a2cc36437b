"""Fetches the pictures that a camera still holds after their exposures."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cameras.drivers.base import CameraError, Exposure
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.device import Device
from cameras.runtime.session_exposure import SessionExposure
from cameras.runtime.stills import Still
from cameras.runtime.watched_driver import WatchedDriver

log = logging.getLogger(__name__)
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
