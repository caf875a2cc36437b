"""The consumer `statistics`: brightness of the captures of sessions, measured on a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cameras.drivers.base import Exposure
from cameras.exposure.settings import ExposureControl
from cameras.exposure.transfer import Transfer
from cameras.runtime.messages import Command, ConsumerStats

# numpy and OpenCV are loaded with the first capture of a session: a camera process starts faster without them.
if TYPE_CHECKING:
    from cameras.exposure.measuring import StatisticsThread
    from cameras.exposure.statistics import FrameStatistics
    from cameras.runtime.consumers import Context


class ExposureStatistics:
    """`measure` is called by the camera loop's thread, `result` by any."""

    wants_frames = keeps_frames = False

    def __init__(self, context: Context | None = None) -> None:
        self._thread: StatisticsThread | None = None

    def measure(self, capture: str, exposure: Exposure, control: ExposureControl | None, transfer: Transfer) -> None:
        """Returns at once."""
        from cameras.exposure.measuring import StatisticsThread

        if self._thread is None:
            self._thread = StatisticsThread()
        self._thread.submit(capture, exposure, control, transfer)

    def result(self, capture: str, timeout_s: float) -> FrameStatistics | None:
        """The statistics of this capture; None when it has none, or not in time."""
        return self._thread.result(capture, timeout_s) if self._thread else None

    def handle_command(self, command: Command) -> None:
        """None concerns it."""

    def stop(self) -> None:
        if self._thread:
            self._thread.stop()

    def stats(self) -> ConsumerStats:
        return {}


def measured_body(statistics: FrameStatistics) -> dict[str, Any]:
    """As in the record of a capture."""
    from cameras.exposure.statistics import as_body

    return as_body(statistics)
