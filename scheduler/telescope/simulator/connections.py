"""A connection of a client, and a port with its connections. Nothing here blocks."""

from __future__ import annotations

import contextlib
import socket
from typing import Literal

from scheduler.telescope.driver.profiles import BUFFER_BYTES
from scheduler.telescope.simulator.faults import PortName

ConnectionState = Literal["open", "executing", "sending", "ending", "silent"]
"""`open`: a command may come. `executing`: its command is executed. `sending`: its reply is on the way. `ending`: it
is closed as soon as the client has closed it. `silent`: it is never answered again."""
AFTERWARDS: frozenset[ConnectionState] = frozenset({"ending", "silent"})
"""In these only the end of the connection is waited for."""
MOST_CONNECTIONS = 64
"""Of one port."""
BACKLOG = 32


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
    def __init__(self, name: PortName, host: str, number: int) -> None:
        """OSError if the port cannot be listened on."""
        self.name, self._host = name, host
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

    def close_all(self) -> None:
        self.refuse()
        for connection in list(self.connections.values()):
            self.close(connection)
