"""Compares the times of a camera with the station's clock."""

from __future__ import annotations

from dataclasses import replace

from cameras.drivers.base import Exposure, FrameData
from cameras.runtime.reporter import Reporter

CLOCK_TOLERANCE_S = 5.0
"""How far the times of a camera may differ from the station's. Beyond that they are replaced, with a warning."""


class ClockOffset:
    """Logs a wrong clock once each time that the camera is opened. Times in nanoseconds since 1970, UTC."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._is_reported = False

    def reset(self) -> None:
        """The camera was opened: its clock may have been set."""
        self._is_reported = False

    def correct_exposure(self, exposure: Exposure, began_ns: int, ended_ns: int, now_ns: int) -> None:
        """An exposure lies between the call and its return. The times of the call replace those of the camera if these
        do not (with a warning), or if the station's clock was set meanwhile: then it is not at `ended_ns` now."""
        off_s, set_s = (exposure.started_ns - began_ns) / 1e9, (now_ns - ended_ns) / 1e9
        # If the station's clock was set, a difference says nothing about the camera's.
        if abs(set_s) <= CLOCK_TOLERANCE_S:
            if off_s >= -CLOCK_TOLERANCE_S and exposure.ended_ns - ended_ns <= CLOCK_TOLERANCE_S * 1e9:
                return
            self._report(off_s)
            warning = f"The camera's clock is {off_s:+.0f} s off; the station's is used."
            exposure.warnings = [*exposure.warnings, warning]
        exposure.started_ns, exposure.ended_ns = began_ns, ended_ns
        if exposure.frame is not None:
            exposure.frame = replace(exposure.frame, captured_ns=began_ns)

    def correct_fetched(self, exposure: Exposure, now_ns: int) -> None:
        """A frame that was fetched later has a time between its exposure, which is corrected, and now."""
        frame, tolerance_ns = exposure.frame, CLOCK_TOLERANCE_S * 1e9
        if frame is None or exposure.started_ns - tolerance_ns <= frame.captured_ns <= now_ns + tolerance_ns:
            return
        exposure.frame = replace(frame, captured_ns=exposure.started_ns)

    def correct_frame(self, frame: FrameData, now_ns: int, shutter_s: float) -> FrameData:
        """A frame is at most as old as its shutter was open."""
        off_s = (frame.captured_ns - now_ns) / 1e9
        if -CLOCK_TOLERANCE_S - shutter_s <= off_s <= CLOCK_TOLERANCE_S:
            return frame
        self._report(off_s)
        return replace(frame, captured_ns=now_ns)

    def _report(self, off_s: float) -> None:
        if not self._is_reported:
            self._is_reported = True
            message = f"The camera's clock is {off_s:+.0f} s off. The station's clock is used; set the camera's."
            self._reporter.log_event("camera.clock", message, "warning")
