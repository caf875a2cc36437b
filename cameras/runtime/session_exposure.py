"""Exposure control of a session: the brightness of each capture is measured on a thread of its own, and sets the next
cycle."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cameras.drivers.base import Exposure
from cameras.exposure.control import first_state, next_state
from cameras.exposure.levels import Transfer
from cameras.exposure.settings import ExposureControl
from cameras.programmes.kinds import reference_shot, settings_of
from cameras.runtime.device import Device
from cameras.runtime.due_stills import Due
from cameras.runtime.messages import Command, ConsumerStats
from cameras.runtime.session_runner import SessionRunner
from cameras.spool.session_files import SessionFile

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


@dataclass(frozen=True, slots=True)
class Reference:
    """A capture by whose brightness the next settings are chosen, and the settings that it was made with."""

    capture: str
    used: dict[str, Any]


class SessionExposure:
    """Used by the camera loop's thread; the still thread measures pictures that were fetched. `_lock` guards the
    reference. The state of the control is in the file of the session."""

    def __init__(self, runner: SessionRunner, device: Device, statistics: ExposureStatistics) -> None:
        self._runner, self._device, self._statistics = runner, device, statistics
        self._lock = threading.Lock()
        self._reference: Reference | None = None
        """The newest reference that is not measured yet."""
        self._measured: tuple[FrameStatistics, Reference] | None = None
        """The newest that is, until the cycle has ended."""

    def measure(self, capture: str, due: Due, exposure: Exposure) -> None:
        """From the camera loop or the still thread: a capture of the session was exposed. A picture that stays with the
        camera is not measured."""
        if exposure.frame is None and not exposure.files:
            return
        session = self._runner.session
        control = control_of(session)
        self._statistics.measure(capture, exposure, control, self._device.driver.transfer)
        # Of a bracket only one exposure says how bright the others should be.
        if session is not None and control and due.shot == reference_shot(session.programme):
            with self._lock:
                self._reference = Reference(capture, exposure.actual)

    def update(self) -> None:
        """Choose the settings of the next cycle, from the newest reference that was measured."""
        session = self._runner.session
        control = control_of(session)
        if session is None or control is None or not self._device.is_open:
            return
        self._collect()
        if not self._runner.is_between_cycles:
            return
        ranges = self._device.capabilities.settings
        if session.control is None:
            self._runner.set_control(session, first_state(control, settings_of(session.programme), ranges))
        elif self._measured:
            (measured, reference), self._measured = self._measured, None
            transfer = self._device.driver.transfer
            state = next_state(control, session.control, measured, reference.used, ranges, transfer)
            self._runner.set_control(session, state)

    def _collect(self) -> None:
        """Also within a cycle: the results of its other captures replace that of the reference."""
        with self._lock:
            if self._reference and (found := self._statistics.result(self._reference.capture, 0.0)):
                self._measured, self._reference = (found, self._reference), None


def control_of(session: SessionFile | None) -> ExposureControl | None:
    return session.programme.get("control") if session is not None else None
