"""The simulator's loop: two ports and the controllers, in one thread, on one clock."""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from scheduler.telescope.driver.clock import SocketClock
from scheduler.telescope.driver.protocol import STATUS
from scheduler.telescope.simulator.connections import PAUSE_S, CommandDispatcher, Connection, Port
from scheduler.telescope.simulator.controller import SimulatedController, WriteImage
from scheduler.telescope.simulator.faults import FaultKind, Faults, PortName
from scheduler.telescope.simulator.options import SimulatorOptions
from scheduler.telescope.simulator.protocol import decode_command, error_text

BYTE_S = 0.002
"""Between two bytes of a slow reply."""
SILENT_FAULTS: frozenset[FaultKind | None] = frozenset({"no-answer", "frozen-status"})


@dataclass(frozen=True, slots=True)
class CommandReport:
    """What became of a command."""

    at_ns: int
    """When it came: nanoseconds since 1970, UTC."""
    port: PortName
    text: str
    reply: str = ""
    """Its first line; by a fault the client may have got another one."""
    seconds: float = 0.0
    fault: FaultKind | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """Who gets the reply to the command that the controllers execute."""

    port: Port
    connection: Connection
    report: CommandReport


class ControllerSimulator:
    """`bind`, then `run` in a thread until `stop` or the command `shutdown`, then `close`.

    `faults` and `stop` are for any thread, `stop` also for a signal handler; everything else is for the thread that
    runs. `report` is called with each command after its reply. `write_image` is called with each image that is fetched.
    """

    def __init__(
        self,
        options: SimulatorOptions,
        clock: SocketClock,
        report: Callable[[CommandReport], None] | None = None,
        write_image: WriteImage | None = None,
    ) -> None:
        self._options, self._clock, self._report = options, clock, report
        self._controller = SimulatedController(options, clock, write_image)
        self._dispatcher = CommandDispatcher(options, clock, self._controller)
        self._wakeup, self._woken = socket.socketpair()
        for end in (self._wakeup, self._woken):
            end.setblocking(False)
        self.faults = Faults(options.seed, self._wake)
        self._ports: dict[PortName, Port] = {}
        self._execution: Execution | None = None
        self._refuses_until = -math.inf
        self._is_stopping = False

    def bind(self) -> None:
        """OSError if a port cannot be listened on."""
        names: tuple[PortName, ...] = ("command", "status")
        for name, number in zip(names, self._options.ports, strict=True):
            self._ports[name] = Port(name, self._options.host, number, self._options.scaled_s(PAUSE_S))

    @property
    def command_port(self) -> int:
        return self._ports["command"].number

    @property
    def status_port(self) -> int:
        return self._ports["status"].number

    @property
    def images(self) -> int:
        """Exposed since the program started."""
        return self._controller.images

    def run(self) -> None:
        while not self._is_stopping and not self._controller.has_ended:
            self._update_listeners()
            now, ports = self._clock.monotonic(), self._ports.values()
            blocking = next((one for port in ports if (one := port.blocking_connection(now))), None)
            if blocking is None:
                readers = [self._woken, *(one for port in ports for one in port.readers())]
                writers = [one for port in ports for one in port.writers()]
                ready = self._clock.wait_ready(readers, writers, self._seconds_to_next())
            else:
                ready = self._clock.wait_ready([self._woken, blocking.socket], [], None)
            for connection in ready:
                self._handle(connection)
            if blocking is None:
                self._advance()

    def stop(self) -> None:
        self._is_stopping = True
        self._wake()

    def close(self) -> None:
        """Close all connections. A file that is not complete is removed."""
        self._controller.abandon_work()
        for port in self._ports.values():
            port.close_all()
        self._wakeup.close()
        self._woken.close()

    def _wake(self) -> None:
        # A full buffer wakes too.
        with contextlib.suppress(OSError):
            self._wakeup.send(b"x")

    def _update_listeners(self) -> None:
        now, refusal_s = self._clock.monotonic(), self.faults.begin_refusal()
        if 0 < refusal_s < math.inf:
            self._refuses_until = now + self._options.scaled_s(refusal_s)
        elif self._refuses_until <= now:
            self._refuses_until = -math.inf
        refuses = refusal_s == math.inf or now < self._refuses_until
        for port in self._ports.values():
            if refuses:
                port.refuse()
            else:
                port.listen()

    def _seconds_to_next(self) -> float | None:
        """Until something has to be done without a client; None for never."""
        if self._controller.has_work:
            return 0.0
        times = [self._controller.next_at, self._refuses_until if math.isfinite(self._refuses_until) else None]
        times += [port.due_at(one) for port in self._ports.values() for one in port.connections.values()]
        now = self._clock.monotonic()
        return min((max(0.0, at - now) for at in times if at is not None), default=None)

    def _handle(self, ready: socket.socket) -> None:
        """Of a socket that is ready. One that was closed meanwhile is in no port any more."""
        if ready is self._woken:
            self._woken.recv(4096)
        for port in self._ports.values():
            connection = port.connections.get(ready)
            if ready is port.listener:
                port.accept(self._clock.monotonic())
            elif connection is not None and connection.state == "sending":
                self._send(port, connection)
            elif connection is not None and (connection.state != "open" or port.served in (None, connection)):
                self._receive(port, connection)

    def _advance(self) -> None:
        self._controller.advance()
        if self._controller.has_work:
            self._controller.do_work()
        if self._execution is not None and not self._controller.is_busy:
            execution, self._execution = self._execution, None
            self._reply(execution.port, execution.connection, self._dispatcher.finish(), execution.report)
        now = self._clock.monotonic()
        for port in self._ports.values():
            for connection in list(port.connections.values()):
                due_at = port.due_at(connection)
                if due_at is not None and due_at <= now and connection.state != "open":
                    self._do_due(port, connection)

    def _do_due(self, port: Port, connection: Connection) -> None:
        if connection.state == "sending" and connection.is_paced:
            self._send(port, connection)
        else:
            port.close(connection)

    def _receive(self, port: Port, connection: Connection) -> None:
        received = connection.receive()
        if received is None or (received and connection.state != "open"):
            return
        text = decode_command(received)
        if text:
            self._execute(port, connection, text)
        else:
            # The real controller takes an empty command for the end of the connection.
            port.close(connection)

    def _execute(self, port: Port, connection: Connection, text: str) -> None:
        fault = self.faults.draw(port.name, has_date=text == STATUS)
        report = CommandReport(self._clock.wall_ns(), port.name, text, fault=fault)
        port.served = connection
        connection.begin_execution(self._clock.monotonic())
        if fault == "drop":
            port.close(connection)
            self._finish(report)
        elif fault == "error":
            self._reply(port, connection, error_text("simulated fault"), report)
        elif fault == "wrong-date":
            self._reply(port, connection, self._dispatcher.status_text(is_dated_wrong=True), report)
        elif (reply := self._dispatcher.dispatch(port.name, text)) is not None:
            self._reply(port, connection, reply, report)
        else:
            self._execution = Execution(port, connection, report)

    def _reply(self, port: Port, connection: Connection, text: str, report: CommandReport) -> None:
        now, content = self._clock.monotonic(), self._dispatcher.reply_bytes(text)
        if report.fault in SILENT_FAULTS:
            port.served = None
            connection.become("silent", now)
        else:
            sent = {"half": content[: len(content) // 2], "garbage": self.faults.garbage(len(content))}
            pause_s = self._options.scaled_s(BYTE_S) if report.fault == "slow" else 0.0
            connection.begin_reply(sent.get(report.fault or "", content), now, pause_s)
            self._send(port, connection)
        seconds = now - connection.received_at
        self._finish(replace(report, reply=text.splitlines()[0], seconds=seconds))

    def _finish(self, report: CommandReport) -> None:
        if self._report is not None:
            self._report(report)

    def _send(self, port: Port, connection: Connection) -> None:
        now = self._clock.monotonic()
        try:
            is_sent = connection.send(now)
        except OSError:
            port.close(connection)
            return
        if not is_sent:
            return
        if self._options.is_closing:
            connection.end(now)
        else:
            connection.become("open", now)
        # A strict controller serves this connection until its client closes it.
        if self._options.is_closing or not self._options.is_strict:
            port.served = None
