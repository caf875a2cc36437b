"""An INDI server, to which one connection is kept open, and what its devices reported on it. There is no thread: what
devices report between two reads waits in the connection. So each read asks them again, and only what they answer
counts. This also shows a server or a driver that hangs. Django-free."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cameras.telescope_status.indi.connection import (
    Disconnected,
    IndiConnection,
    Message,
    Property,
    PropertyStore,
    get_properties,
    new_vector,
)
from cameras.telescope_status.sources import StatusError
from core.outgoing import OutgoingGuard

CONNECTION = "CONNECTION"
"""Of every device: whether its driver is connected to the hardware."""
SETTLE_S = 0.5
"""How long a device may take to begin what it was commanded, after it has answered."""
Wanted: TypeAlias = Mapping[str, Collection[str]]
"""Device -> the properties that it reports in each read."""


@dataclass(frozen=True, slots=True)
class Command:
    """The elements of a property to set. `is_reached` says whether a property has what was commanded."""

    kind: Literal["Number", "Switch"]
    device: str
    name: str
    values: Mapping[str, str]
    is_reached: Callable[[Property], bool]


class IndiSession:
    """Of one connection, which it closes. `until` are times of `time.monotonic()`: a server is real, whatever the
    camera's clock is. The errors of all methods are StatusError; after one the session is closed and replaced."""

    def __init__(self, connection: IndiConnection, wanted: Wanted, names: Collection[str]) -> None:
        """`names` are those of all properties that are used, also those that only a command needs."""
        self.server = connection.server
        """As it is named in sentences."""
        self._connection = connection
        self._wanted = {device: (*properties, CONNECTION) for device, properties in wanted.items()}
        self._store = PropertyStore(self._wanted, frozenset({*names, CONNECTION}))
        self._since = 0
        """The number of the last message before the present read or command."""
        self._has_read = False
        self._expected: Collection[str] = self._wanted
        """The devices that should answer: at first all, then those that have answered before."""
        self._last_definitions: dict[str, int] = {}
        """Device -> how often it has defined CONNECTION once it has answered all requests of this read."""

    @property
    def has_answers(self) -> bool:
        """Whether any device has answered the last read."""
        return self._has_read and bool(self._expected)

    def read(self, until: float, also: Collection[tuple[str, str]] = ()) -> bool:
        """Ask all devices for the wanted properties, and for those of `also` (device and name), and wait for the
        answers. False if no device has answered."""
        self._discard_old(until)
        self._since = self._store.count
        requests = [*also, *((device, name) for device, names in self._wanted.items() for name in names)]
        if not self._has_read:
            # For all properties of a device, so that its messages for people arrive as well.
            requests = [*((device, "") for device in self._wanted), *requests]
        definitions = 1 if self._has_read else 2
        self._last_definitions = {
            device: self._store.definitions(device, CONNECTION) + definitions for device in self._wanted
        }
        self._has_read = True
        self._connection.send(b"".join(get_properties(device, name) for device, name in requests), until)
        while not self._is_complete() and self._receive(until):
            pass
        self._expected = [device for device in self._wanted if self._store.find(device, CONNECTION)]
        return any(self.find(device, CONNECTION) for device in self._wanted)

    def find(self, device: str, name: str) -> Property | None:
        """The property, if the device reported it during this read."""
        return self._store.find(device, name, self._since)

    def text(self, device: str) -> str:
        """What the device said for people during this read or command; mostly empty."""
        return self._store.text(device, self._since)

    def execute(self, command: Command, until: float) -> None:
        """Send a command, and return once the device is busy with it or has reached what was commanded. StatusError
        with what the device said, if it answers and does neither, or does not answer."""
        self._since, before = self._store.count, self._store.definitions(command.device, command.name)
        request = get_properties(command.device, command.name)
        self._connection.send(new_vector(command.kind, command.device, command.name, command.values) + request, until)
        while self._store.definitions(command.device, command.name) == before:
            if not self._receive(until):
                raise StatusError(f"{command.device} has not answered the command to set {command.name}. Try again.")
        # Its answer may be one to another client's request, from before the command.
        until = min(until, time.monotonic() + SETTLE_S)
        while not self._has_begun(command):
            if not self._receive(until):
                said = self.text(command.device) or "It gives no reason."
                raise StatusError(f"{command.device} does not accept the command to set {command.name}. {said}")

    def send(self, command: Command, until: float) -> None:
        """Send a command without waiting for the device."""
        self._connection.send(new_vector(command.kind, command.device, command.name, command.values), until)

    def close(self) -> None:
        self._connection.close()

    def _discard_old(self, until: float) -> None:
        """What arrived since the last read does not count as an answer: other clients ask for the same properties."""
        while time.monotonic() < until and (found := self._connection.receive(0.0)) is not None:
            self._apply(found)

    def _is_complete(self) -> bool:
        return all(self._has_answered(device) for device in self._expected)

    def _has_answered(self, device: str) -> bool:
        """A driver answers in the order of the requests, and the one for CONNECTION is its last: a property that is not
        known by then does not exist. A known one may follow, if another client's request came in between."""
        known = [name for name in self._wanted[device] if self._store.find(device, name)]
        has_last = self._store.definitions(device, CONNECTION) >= self._last_definitions[device]
        return has_last and all(self.find(device, name) for name in known)

    def _has_begun(self, command: Command) -> bool:
        found = self.find(command.device, command.name)
        if found is None:
            return False
        return command.is_reached(found) or (command.kind == "Number" and found.state == "Busy")

    def _receive(self, until: float) -> bool:
        """Apply what arrives next; False if nothing arrives in time."""
        # Here and not in the socket's timeout alone: a server may send all the time.
        if time.monotonic() >= until:
            return False
        found = self._connection.receive(until)
        self._apply(found or ())
        return found is not None

    def _apply(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._store.apply(message)


IDLE_S = 60.0
"""A connection that was not read for longer is replaced: reading all that waits in it would take longer."""
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0)
"""After the first, second, ... failed read in a row, until the next attempt."""
LISTING_S, LISTING_QUIET_S = 1.0, 0.3
"""How long a server may take to name its devices, and to be silent meanwhile."""
LISTED_FOR_S = 30.0
MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    guard: OutgoingGuard
    """Checks the address at each connection."""
    answer_s: float
    """How long the server and its devices may take to answer."""

    def connect(self, until: float) -> IndiConnection:
        return IndiConnection(self.host, self.port, self.guard, until)


class IndiClient:
    """The session with a server, replaced when it fails. `until` are times of `time.monotonic()`."""

    def __init__(self, server: Server, wanted: Wanted, names: Collection[str]) -> None:
        self._server, self._wanted, self._names = server, wanted, names
        self._session: IndiSession | None = None
        self._is_new, self._last_read = True, 0.0
        self._failures, self._retry_at, self._failure = 0, 0.0, ""
        self._listed_at, self._listed = 0.0, list[str]()

    def read(self, until: float, also: Collection[tuple[str, str]] = ()) -> IndiSession:
        """The session, after its devices have answered. StatusError if nothing answers within `answer_s`; after several
        failures also at once, until the next attempt is due."""
        now = time.monotonic()
        if now < self._retry_at:
            raise StatusError(self._failure)
        if now - self._last_read > IDLE_S:
            self.close()
        try:
            session = self._read_session(until, also)
        except StatusError as error:
            self.close()
            self._count_failure(str(error))
            raise
        self._failures, self._last_read = 0, time.monotonic()
        return session

    def list_devices(self, until: float) -> list[str]:
        """The names of the server's devices, at most 30 s old. StatusError."""
        now = time.monotonic()
        if not self._listed or now - self._listed_at > LISTED_FOR_S:
            self._listed_at, self._listed = now, self._query_devices(until)
        return self._listed

    def close(self) -> None:
        """Idempotent. The next read connects again."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _read_session(self, until: float, also: Collection[tuple[str, str]]) -> IndiSession:
        answer_until = min(until, time.monotonic() + self._server.answer_s)
        session = self._session or self._connect(answer_until)
        had_answers = session.has_answers
        try:
            has_answered = session.read(answer_until, also)
        except Disconnected:
            if self._is_new:
                raise
            # The server may have been restarted since the last read.
            self.close()
            return self._read_session(until, also)
        # If no device has ever answered, the server may work and have other devices.
        if not has_answered and (had_answers or not self.list_devices(until)):
            raise StatusError(f"{session.server} has not answered in time. Check that it and its drivers run.")
        self._is_new = False
        return session

    def _connect(self, until: float) -> IndiSession:
        self._session = IndiSession(self._server.connect(until), self._wanted, self._names)
        self._is_new = True
        return self._session

    def _count_failure(self, sentence: str) -> None:
        pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1
        self._retry_at, self._failure = time.monotonic() + pause_s, sentence

    def _query_devices(self, until: float) -> list[str]:
        """On a connection of its own: a request for all devices is a subscription to all that they report."""
        until = min(until, time.monotonic() + LISTING_S)
        found: dict[str, None] = {}
        with self._server.connect(until) as connection:
            connection.send(get_properties(), until)
            while time.monotonic() < until and len(found) < MAX_LISTED:
                messages = connection.receive(min(until, time.monotonic() + LISTING_QUIET_S))
                if messages is None:
                    break
                found |= {message.device: None for message in messages if message.device}
        return sorted(found)[:MAX_LISTED]
