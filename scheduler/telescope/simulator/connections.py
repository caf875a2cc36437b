"""A connection of a client, and a port with its connections, of which nothing blocks; and the commands that they
bring: to the controllers, with their replies."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from typing import Literal

from scheduler.telescope.driver.clock import SocketClock
from scheduler.telescope.driver.protocol import ARGUMENTS, BUFFER_BYTES, STATUS
from scheduler.telescope.simulator.controller import SimulatedController
from scheduler.telescope.simulator.faults import PortName
from scheduler.telescope.simulator.options import SimulatorOptions
from scheduler.telescope.simulator.procedures import CommandFailed
from scheduler.telescope.simulator.protocol import (
    DONE,
    WRONG_DATE,
    Command,
    CommandRefused,
    LastCommand,
    StatusReply,
    error_text,
    format_date,
    help_text,
    parse_command,
)

ConnectionState = Literal["open", "executing", "sending", "ending", "silent"]
"""`open`: a command may come. `executing`: its command is executed. `sending`: its reply is on the way. `ending`: it
is closed as soon as the client has closed it. `silent`: it is never answered again."""
AFTERWARDS: frozenset[ConnectionState] = frozenset({"ending", "silent"})
"""In these only the end of the connection is waited for."""
MOST_CONNECTIONS = 64
"""Of one port."""
BACKLOG = 32
PAUSE_S = 0.1
"""Of the real controller between a reply and its next read of the same connection, in which it then blocks."""
LINGER_S = 5.0
"""For which a client may leave its reply unread, or a connection open that is closed here. The speed does not count."""


class Connection:
    def __init__(self, connection: socket.socket, now: float) -> None:
        connection.setblocking(False)
        # The last byte of a reply in pieces must not wait for an acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.state: ConnectionState = "open"
        self.since = now
        """When it got its state."""
        self.received_at = now
        """When its command came."""
        self._outgoing = memoryview(b"")
        self._pause_s = 0.0
        self.sends_at = now
        """When the next piece of a slow reply is due."""

    def become(self, state: ConnectionState, now: float) -> None:
        self.state, self.since = state, now

    def begin_execution(self, now: float) -> None:
        self.received_at = now
        self.become("executing", now)

    def begin_reply(self, reply: bytes, now: float, pause_s: float) -> None:
        """Without a pause the reply is one piece, else each byte is one."""
        self._outgoing, self._pause_s, self.sends_at = memoryview(reply), pause_s, now
        self.become("sending", now)

    @property
    def is_paced(self) -> bool:
        return self._pause_s > 0

    def send(self, now: float) -> bool:
        """Send what is due; whether all of the reply is sent. OSError of a client that has gone."""
        while self._outgoing and self.sends_at <= now:
            piece = self._outgoing[:1] if self.is_paced else self._outgoing
            try:
                sent = self.socket.send(piece)
            except BlockingIOError:
                break
            self._outgoing = self._outgoing[sent:]
            self.sends_at += self._pause_s
        return not self._outgoing

    def receive(self) -> bytes | None:
        """One command; empty at the end of the connection, also if it has failed. None if nothing has come."""
        try:
            return self.socket.recv(BUFFER_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def end(self, now: float) -> None:
        """Nothing more is sent. It stays open for the client to close: bytes that no one has read would make the kernel
        reset the connection, and the client could lose the reply."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        self.become("ending", now)


class Port:
    def __init__(self, name: PortName, host: str, number: int, pause_s: float) -> None:
        """`pause_s`: PAUSE_S at the speed of the simulator. OSError if the port cannot be listened on."""
        self.name, self._host, self._pause_s = name, host, pause_s
        self.connections: dict[socket.socket, Connection] = {}
        self.served: Connection | None = None
        """The connection whose command is executed or answered; the others wait."""
        self.listener: socket.socket | None = None
        self.number = number
        self.listen()

    def listen(self) -> None:
        """OSError."""
        if self.listener is None:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            # It sets SO_REUSEADDR: the port is free at once after a kill.
            self.listener = socket.create_server((self._host, self.number), family=family, backlog=BACKLOG)
            self.listener.setblocking(False)
            self.number = self.listener.getsockname()[1]

    def refuse(self) -> None:
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    def accept(self, now: float) -> None:
        assert self.listener is not None
        try:
            accepted, _ = self.listener.accept()
        except OSError:
            # The client has gone already, or this process has no descriptor left.
            return
        self.connections[accepted] = Connection(accepted, now)
        waiting = [one for one in self.connections.values() if one is not self.served]
        if len(self.connections) > MOST_CONNECTIONS:
            self.close(min(waiting, key=lambda one: one.since))

    def close(self, connection: Connection) -> None:
        if self.served is connection:
            self.served = None
        self.connections.pop(connection.socket, None)
        connection.socket.close()

    def blocking_connection(self, now: float) -> Connection | None:
        """The client that has had its reply and stays connected: the real controller then waits for it alone."""
        served = self.served
        is_blocking = served is not None and served.state == "open" and now >= served.since + self._pause_s
        return served if is_blocking else None

    def readers(self) -> list[socket.socket]:
        is_free = self.served is None
        listeners = [self.listener] if self.listener is not None and is_free else []
        return listeners + [
            one.socket
            for one in self.connections.values()
            if one.state in AFTERWARDS or (one.state == "open" and is_free)
        ]

    def writers(self) -> list[socket.socket]:
        return [one.socket for one in self.connections.values() if one.state == "sending" and not one.is_paced]

    def due_at(self, connection: Connection) -> float | None:
        """When something has to be done for the connection."""
        if connection.state == "sending" and connection.is_paced:
            return connection.sends_at
        if connection.state in ("sending", "ending"):
            return connection.since + LINGER_S
        is_paused = connection is self.served and connection.state == "open"
        return connection.since + self._pause_s if is_paused else None

    def close_all(self) -> None:
        self.refuse()
        for connection in list(self.connections.values()):
            self.close(connection)


SIMULATED = "simulated"
"""Begins the comment of each status: a client tells by it that the images are simulated."""
ACCEPTED: dict[PortName, frozenset[str]] = {"command": frozenset(ARGUMENTS), "status": frozenset({STATUS})}
MOST_CHARACTERS = BUFFER_BYTES - 2
"""Of a reply for a program in C, whose buffer also holds the newline and a NUL."""


class CommandDispatcher:
    """One command at a time: `dispatch`, and if it has no reply yet, `finish` when the controllers are done."""

    def __init__(self, options: SimulatorOptions, clock: SocketClock, controller: SimulatedController) -> None:
        self._options, self._clock, self._controller = options, clock, controller
        self._last = LastCommand()

    def dispatch(self, port: PortName, text: str) -> str | None:
        """The reply; None if the controllers have begun to execute the command."""
        try:
            command = parse_command(text, ACCEPTED[port], is_strict=self._options.is_strict)
        except CommandRefused as error:
            return self._refuse(port, error)
        match command.name:
            case "status":
                return self.status_text()
            case "help":
                return help_text()
        self._last = LastCommand.of(command)
        return self._begin(command)

    def finish(self) -> str:
        """The reply to the command that the controllers have executed."""
        return self._record(error_text(self._controller.error) if self._controller.error else DONE)

    def status_text(self, *, is_dated_wrong: bool = False) -> str:
        controller = self._controller
        reply = StatusReply(
            controller.is_ready, controller.state, controller.has_failed, f"{SIMULATED}: {controller.comment}",
            WRONG_DATE if is_dated_wrong else format_date(self._clock.wall_ns()),
            controller.states(), self._options.controllers, self._last,
        )  # fmt: skip
        return reply.fitted(MOST_CHARACTERS) if self._options.is_closing else reply.text()

    def reply_bytes(self, text: str) -> bytes:
        """The reply as it is sent."""
        sent = text[:MOST_CHARACTERS] if self._options.is_closing else text
        return f"{sent.strip()}\n".encode("ascii", errors="replace")

    def _begin(self, command: Command) -> str | None:
        try:
            self._controller.begin(command)
        except CommandFailed as error:
            return self._record(error_text(str(error)))
        return None if self._controller.is_busy else self._record(DONE)

    def _refuse(self, port: PortName, error: CommandRefused) -> str:
        reply = error_text(str(error))
        if port == "command":
            self._last = replace(LastCommand.of(error.command), reply=reply, was_refused=True, message=str(error))
        return reply

    def _record(self, reply: str) -> str:
        self._last = replace(self._last, reply=reply)
        return reply
