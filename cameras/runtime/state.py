"""The state that a camera process reports each second."""

from __future__ import annotations

from collections.abc import Iterable

from cameras.runtime.agenda_runs import AgendaRuns
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.consumers import FrameConsumer
from cameras.runtime.device import Device
from cameras.runtime.link import Reporter
from cameras.runtime.messages import StateReport
from cameras.runtime.session_runner import SessionRunner
from cameras.runtime.session_starts import SessionStarts
from cameras.runtime.still_queue import StillOutcomes
from cameras.runtime.watched_driver import FetchTimer
from cameras.spool.moments import iso
from core.processor_clock import ProcessorClock
from core.watchdog import Watchdog

FETCHING = "fetching a picture"


class StateReporter:
    """Used by the reporting thread; it waits for no lock that is held while a disk is written."""

    def __init__(
        self,
        processor_clock: ProcessorClock,
        watchdog: Watchdog,
        fetch_timer: FetchTimer,
        buffer: SharedFrameBuffer,
        reporter: Reporter,
        device: Device,
        runner: SessionRunner,
        starts: SessionStarts,
        agenda: AgendaRuns,
        outcomes: StillOutcomes,
        consumers: Iterable[FrameConsumer],
    ) -> None:
        self._processor_clock, self._watchdog, self._fetch_timer = processor_clock, watchdog, fetch_timer
        self._buffer, self._reporter, self._device = buffer, reporter, device
        self._runner, self._starts, self._agenda = runner, starts, agenda
        self._outcomes, self._consumers = outcomes, consumers
        self._frames = 0

    def build_report(self, since_s: float) -> StateReport:
        """The state, with the frames per second of the last `since_s` seconds. Each call postpones the exit of the
        process: see `Watchdog.check_deadline`."""
        device, (doing, overdue_s) = self._device, self._check_calls()
        # Read once: the camera loop counts on, and the next report subtracts this number.
        frames, newest_ns, supplies = self._buffer.frames, self._buffer.newest_ns, device.telemetry.supplies
        report = StateReport(
            type="state",
            observed=self._reporter.state,
            reason=self._reporter.message,
            session=self._runner.describe_session(),
            held=self._starts.held,
            agenda=self._agenda.status,
            temperature_celsius=device.telemetry.temperature_celsius,
            battery_percent=supplies.battery_percent,
            card_free_bytes=supplies.card_free_bytes,
            differs=device.settings.differs,
            last_capture=self._outcomes.last_capture,
            last_frame=iso(newest_ns / 1e9) if newest_ns else None,
            frames=frames,
            fps=round((frames - self._frames) / since_s, 1),
            doing=doing,
            overdue_s=round(overdue_s, 3),
            failures=device.retries.failures,
            unopened=device.failed_opens,
            trouble=device.trouble,
        )
        self._frames = frames
        for consumer in self._consumers:
            report = {**report, **consumer.stats()}
        return report

    def _check_calls(self) -> tuple[str, float]:
        """The call that is in progress or overdue, and by how many seconds of `processor_clock`."""
        self._processor_clock.sample()
        doing, overdue_s = self._watchdog.check_deadline()
        fetch_s = self._fetch_timer.overdue_s
        return (FETCHING, fetch_s) if fetch_s > overdue_s else (doing, overdue_s)
