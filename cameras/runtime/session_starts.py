"""When the next still of the session may start: not before the clock is right, not on a full disk, and not while a
gate is closed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cameras.gates.gate import LIFE_S, GateStatus
from cameras.runtime.clock import CameraClock
from cameras.runtime.device import Device
from cameras.runtime.disk_reserve import DiskReserve
from cameras.runtime.due_stills import Due
from cameras.runtime.messages import GatesCommand
from cameras.runtime.ports import LoopPorts
from cameras.runtime.session_account import Reason
from cameras.runtime.session_exposure import SessionExposure
from cameras.runtime.spec import Spec
from cameras.runtime.storage_holder import Sessions, StorageHolder
from cameras.spool.full_disk import disk_reason


@dataclass(frozen=True, slots=True)
class ReceivedGates:
    gates: Sequence[GateStatus]
    life_s: float
    until: float
    """When their values become unknown, in seconds of `clock.monotonic()`."""


class SessionGates:
    """The link's thread receives the gates, and the camera loop's thread asks for them; they are replaced whole."""

    def __init__(self, spec: Spec, clock: CameraClock) -> None:
        self._clock = clock
        self._received = self._receive(spec.get("gates", []), LIFE_S)

    def replace(self, command: GatesCommand) -> None:
        self._received = self._receive(command["gates"], command["life_s"])
        # A session may continue at once.
        self._clock.wake()

    def _receive(self, gates: Sequence[GateStatus], life_s: float) -> ReceivedGates:
        return ReceivedGates(gates, life_s, self._clock.monotonic() + life_s)

    def closed(self) -> Reason | None:
        """Why no capture of a session may start now: the sentences of all closed gates. None if all are open."""
        received = self._received
        if self._clock.monotonic() < received.until:
            sentences = [gate["sentence"] for gate in received.gates if not gate["open"]]
        else:
            sentences = [expired(gate, received.life_s) for gate in received.gates if gate["unknown"] == "unsafe"]
        return ("unsafe", " ".join(sentences)) if sentences else None


def expired(gate: GateStatus, life_s: float) -> str:
    unknown = f"The camera host has not sent it for {life_s:g} s."
    return f"The gate {gate['name']} is closed: its value is unknown. {unknown}"


class SessionStarts:
    """Used by the camera loop's thread. `clock_wait_s`: how long a session waits for a synchronised clock after the
    machine has started."""

    def __init__(
        self,
        sessions: Sessions,
        exposure: SessionExposure,
        device: Device,
        storage_holder: StorageHolder,
        disk_reserve: DiskReserve,
        gates: SessionGates,
        ports: LoopPorts,
        clock_wait_s: float,
    ) -> None:
        self._runner, self._agenda, self._exposure = sessions.runner, sessions.agenda, exposure
        self._device, self._storage_holder = device, storage_holder
        self._disk_reserve, self._gates = disk_reserve, gates
        self._clock, self._reporter = ports.clock, ports.reporter
        self._clock_wait_s, self._started = clock_wait_s, ports.clock.monotonic()
        self.held = ""
        """The reason code for which the running session takes no captures now. Any thread may read it."""

    def next_due(self, unreachable: Reason | None = None) -> Due | None:
        """The next start; None when there is none now. `unreachable`: why the camera is not open."""
        self._begin_due_run()
        session, device = self._runner.session, self._device
        if session is None or not session.follows_time:
            self._disk_reserve.reset()
        if session is None or self._waits_for_clock():
            self.held = "clock" if session else ""
            return None
        self._exposure.update()
        try:
            is_full = self._is_reserve_reached()
            # The disk blocked the check. What was missed becomes a gap with that reason, once the root is open.
            if self._storage_holder.is_lost:
                return None
            closed, bad_weather = self._gates.closed(), False
            # A session that chooses its exposures may have some that need no sky.
            if closed and not self._runner.waits_for_weather():
                closed, bad_weather = None, True
            self.held = "unsafe" if closed else "disk_full" if is_full else ""
            # One of them: each change of the reason is written to the disk, and two would alternate in each round.
            full = ("disk_full", self._disk_reserve.message) if is_full else None
            if outage := closed or full or unreachable:
                self._runner.note_outage(*outage)
            can = device.capabilities
            due = self._runner.next_due(
                can.readout_s, unreachable=outage is not None, overlaps=can.overlap > 0, bad_weather=bad_weather
            )
        except OSError as error:
            self._wait_for_disk(error)
            return None
        self.report_records()
        return None if self.held else due

    def _begin_due_run(self) -> None:
        try:
            self._agenda.begin_due_run()
        except OSError as error:
            self._wait_for_disk(error)
        self.report_records()

    def _waits_for_clock(self) -> bool:
        session = self._runner.session
        # Within one boot the times come from the boot clock, which needs no synchronisation.
        if session is None or session.last_end.boot == self._clock.moment().boot:
            return False
        waited_s = self._clock.monotonic() - self._started
        if self._clock.synchronisation() == "synchronised" or waited_s > self._clock_wait_s:
            return False
        self._reporter.report_state("ready", "The session waits for the machine's clock to be synchronised.", "clock")
        return True

    def _is_reserve_reached(self) -> bool:
        """While less than the disk's reserve is free, a session skips its starts as in an outage. OSError."""
        return self._disk_reserve.check_space(self._storage_holder.storage, self._clock.monotonic())

    def report_records(self) -> None:
        """Report the records that the session has sent: its changes of state and its gaps."""
        try:
            self._runner.store.send_unsent()
        except OSError as error:
            self._wait_for_disk(error)
        for record in self._runner.store.pop_reported():
            self._reporter.report_record(record)

    def _wait_for_disk(self, error: OSError) -> None:
        message = self._storage_holder.describe_error(error)
        self._reporter.log_event("storage.full", message)
        # Starts that pass until the disk works again are a gap with this reason.
        self._runner.note_outage(disk_reason(error), message)
        # The next round would fail in the same way, at once.
        self._clock.wait(1.0)

    @property
    def run_in_s(self) -> float:
        """Seconds until the begin of the next planned run; infinite without one."""
        return self._agenda.begins_in_s

    def slack_s(self, due: Due | None) -> float:
        """Seconds that a late start may cost nothing: all, unless the session has a cadence."""
        session = self._runner.session
        if session is None or not session.follows_time or session.cadence_s is None:
            return math.inf
        return due.in_s if due else 0.0

    def free_s(self, due: Due | None) -> float:
        """Seconds until the next exposure of the session; 0 when one may be due."""
        if due is not None:
            return due.in_s
        session = self._runner.session
        return 0.0 if session is not None and session.follows_time else math.inf
