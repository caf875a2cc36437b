"""`StatisticsThread`: measures new frames and pictures on a thread of the camera process."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cameras.drivers.base import CameraError, Exposure, Pixels
from cameras.exposure.control import correction_of
from cameras.exposure.levels import Transfer
from cameras.exposure.settings import ExposureControl, mask_grid
from cameras.exposure.statistics import FrameStatistics, Unmeasurable, statistics_of, statistics_of_exposure

log = logging.getLogger(__name__)
NICE = 10
KEPT_RESULTS = 8
MOST_LOGGED = 20
"""Causes of failures that are logged: their texts may have numbers that differ each time."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What is to be measured; `key` names it, such as the id of a capture."""

    key: str
    source: Exposure | Pixels
    mask: NDArray[np.bool_] | None
    control: ExposureControl | None
    transfer: Transfer


class StatisticsThread:
    """Holds the newest submission only: one that comes while another waits replaces it, which is counted. One lock
    protects everything; it is not held while a picture is measured. The thread starts with the first submission."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: Measurement | None = None
        self._running = ""
        self._results: OrderedDict[str, FrameStatistics | None] = OrderedDict()
        self._newest: tuple[str, FrameStatistics] | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._logged: set[str] = set()
        self.measured = self.dropped = self.failed = 0

    def submit(
        self, key: str, source: Exposure | Pixels, control: ExposureControl | None = None, transfer: Transfer = "linear"
    ) -> None:
        """Returns at once. `source` must not be changed afterwards. `control` is the exposure control of the picture's
        session, `transfer` that of the camera."""
        mask = control.get("mask") if control else None
        with self._changed:
            if self._stopped:
                return
            self.dropped += self._waiting is not None
            self._waiting = Measurement(key, source, None if mask is None else mask_grid(mask), control, transfer)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="statistics", daemon=True)
                self._thread.start()

    def result(self, key: str, timeout_s: float) -> FrameStatistics | None:
        """The statistics of this submission. None if it was dropped, could not be measured or was never submitted, at
        once; or if it is not measured in time."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_pending(key), timeout_s)
            return self._results.get(key)

    @property
    def newest(self) -> tuple[str, FrameStatistics] | None:
        """The key and the statistics of the last picture that could be measured."""
        with self._changed:
            return self._newest

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ends the thread after the picture that it measures. What waits is not measured."""
        with self._changed:
            self._stopped, self._waiting = True, None
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _is_pending(self, key: str) -> bool:
        return self._running == key or (self._waiting is not None and self._waiting.key == key)

    def _run(self) -> None:
        # On Linux a priority belongs to a thread: the camera loop keeps its own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while (measurement := self._next()) is not None:
            self._finish(measurement.key, self._measure(measurement))
            # A frame of 24 megapixels has 72 MB.
            del measurement

    def _next(self) -> Measurement | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._stopped)
            found, self._waiting = self._waiting, None
            self._running = found.key if found else ""
            return found

    def _measure(self, measurement: Measurement) -> FrameStatistics | None:
        source, mask = measurement.source, measurement.mask
        try:
            if isinstance(source, Exposure):
                found = statistics_of_exposure(source, mask)
            else:
                found = statistics_of(source, mask)
            if measurement.control and (correction := correction_of(measurement.control, found, measurement.transfer)):
                found = replace(found, controlled=correction.measured)
            return found
        except (Unmeasurable, CameraError) as error:
            if self._is_new_cause(str(error)):
                log.warning("A picture has no statistics: %s", error)
        except Exception as error:
            if self._is_new_cause(repr(error)):
                log.exception("A picture could not be measured; the next ones are.")
        return None

    def _is_new_cause(self, cause: str) -> bool:
        if cause in self._logged or len(self._logged) >= MOST_LOGGED:
            return False
        self._logged.add(cause)
        return True

    def _finish(self, key: str, found: FrameStatistics | None) -> None:
        with self._changed:
            self._results[key] = found
            self._results.move_to_end(key)
            while len(self._results) > KEPT_RESULTS:
                self._results.popitem(last=False)
            self.measured += found is not None
            self.failed += found is None
            self._running = ""
            if found is not None:
                self._newest = key, found
            self._changed.notify_all()
