"""The messages of INDI's protocol 1.7 that a client without pictures needs, and the TCP connection that brings them:
a stream of XML elements without a root, and hostile input. Every call ends at a time of `time.monotonic()`.
Django-free. Source: Downey, INDI: Instrument-Neutral Distributed Interface, 2007."""

from __future__ import annotations

import codecs
import re
import socket
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self, TypeAlias
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from cameras.telescope_status.sources import StatusError
from core.outgoing import AddressRefused, OutgoingGuard
from core.text.names import readable

State = Literal["Idle", "Ok", "Busy", "Alert"]
STATES: Mapping[str, State] = {"Idle": "Idle", "Ok": "Ok", "Busy": "Busy", "Alert": "Alert"}


@dataclass(frozen=True, slots=True)
class PropertyMessage:
    """A property is defined (`def...Vector`) or changed (`set...Vector`). `values` has the text of each element."""

    device: str
    name: str
    is_definition: bool
    state: State | None
    """None if the message does not say it, or says what INDI does not have."""
    values: dict[str, str]
    text: str = ""
    """A message for people; mostly empty."""


@dataclass(frozen=True, slots=True)
class DeviceMessage:
    """A sentence of a device for people."""

    device: str
    text: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """A property does not exist any more; with an empty name the whole device."""

    device: str
    name: str


Message: TypeAlias = PropertyMessage | DeviceMessage | Deletion


def get_properties(device: str = "", name: str = "") -> bytes:
    """The request for the definition of one property, of all of a device, or of all devices. It is also a subscription
    to their changes."""
    where = f" device={quoteattr(device)}" if device else ""
    where += f" name={quoteattr(name)}" if name else ""
    return f'<getProperties version="1.7"{where}/>\n'.encode()


def new_vector(kind: Literal["Number", "Switch"], device: str, name: str, values: Mapping[str, str]) -> bytes:
    """The command to set a property."""
    elements = "".join(f"<one{kind} name={quoteattr(one)}>{escape(value)}</one{kind}>" for one, value in values.items())
    where = f"device={quoteattr(device)} name={quoteattr(name)}"
    return f"<new{kind}Vector {where}>{elements}</new{kind}Vector>\n".encode()


@dataclass(slots=True)
class Property:
    state: State
    values: dict[str, str]
    reported: int
    """The number of the message that reported it last."""


@dataclass(slots=True)
class PropertyStore:
    """Only properties with these names, of these devices, are kept: a server cannot make it grow."""

    devices: Collection[str]
    names: Collection[str]
    count: int = 0
    """The messages so far. What has a higher number than this is reported after now."""
    _properties: dict[tuple[str, str], Property] = field(default_factory=dict)
    _definitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    _texts: dict[str, tuple[int, str]] = field(default_factory=dict)

    def apply(self, message: Message) -> None:
        self.count += 1
        if message.device not in self.devices:
            return
        if isinstance(message, Deletion):
            self._delete(message)
            return
        if message.text:
            self._texts[message.device] = (self.count, readable(message.text))
        if isinstance(message, DeviceMessage) or message.name not in self.names:
            return
        self._update(message)

    def find(self, device: str, name: str, since: int = -1) -> Property | None:
        """The property, if it was reported after the message with the number `since`."""
        found = self._properties.get((device, name))
        return found if found is not None and found.reported > since else None

    def definitions(self, device: str, name: str) -> int:
        """How often the device has defined the property: a driver defines it each time that a client requests it."""
        return self._definitions[device, name]

    def text(self, device: str, since: int = -1) -> str:
        """What the device said last, if that was after the message with the number `since`; else empty."""
        number, text = self._texts.get(device, (-1, ""))
        return text if number > since else ""

    def _update(self, message: PropertyMessage) -> None:
        known = self._properties.get((message.device, message.name))
        if message.is_definition:
            # A state that INDI does not have is not to be relied on.
            made = Property(message.state or "Alert", dict(message.values), self.count)
            self._properties[message.device, message.name] = made
            self._definitions[message.device, message.name] += 1
        elif known is not None:
            known.state = message.state or known.state
            # Only known elements: INDI defines them before it changes them.
            known.values |= {name: value for name, value in message.values.items() if name in known.values}
            known.reported = self.count

    def _delete(self, message: Deletion) -> None:
        for device, name in list(self._properties):
            if device == message.device and message.name in {"", name}:
                del self._properties[device, name]


CHUNK_BYTES = 32 * 1024


class Disconnected(StatusError):
    """The server is not there, closed the connection, or sent what is not INDI."""


class IndiConnection:
    """`server` names it in sentences. The errors of all methods are Disconnected."""

    def __init__(self, host: str, port: int, guard: OutgoingGuard, until: float) -> None:
        self.server = f"The INDI server {host}:{port}"
        self._parser = IndiParser()
        try:
            self._socket = guard.connect(host, port, seconds_until(until))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except AddressRefused as error:
            raise Disconnected(f"The address of the INDI server {host}:{port} {error}") from error
        except OSError as error:
            raise self._error(f"cannot be reached ({error.strerror or 'no answer in time'})") from error

    def send(self, content: bytes, until: float) -> None:
        try:
            self._socket.settimeout(seconds_until(until))
            self._socket.sendall(content)
        except OSError as error:
            raise self._error(f"does not accept commands ({error.strerror or 'no answer in time'})") from error

    def receive(self, until: float) -> list[Message] | None:
        """The messages that the next bytes complete; None if none arrive in time. With a time that has passed, of the
        bytes that have arrived already."""
        try:
            # Set again each time, because it ends by itself: a server that sends many small messages waits for each
            # acknowledgement, which would otherwise come after 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._socket.settimeout(max(0.0, until - time.monotonic()))
            content = self._socket.recv(CHUNK_BYTES)
        except (TimeoutError, BlockingIOError):
            return None
        except OSError as error:
            raise self._error(f"is gone ({error.strerror})") from error
        if not content:
            raise self._error("closed the connection")
        try:
            return self._parser.feed(content)
        except ProtocolError as error:
            raise self._error(str(error)) from error

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _error(self, why: str) -> Disconnected:
        return Disconnected(f"{self.server} {why}. Check that it runs, and the settings `host` and `port`.")


def seconds_until(until: float) -> float:
    """At least a millisecond: 0 would mean that the socket does not wait at all."""
    return max(0.001, until - time.monotonic())


MESSAGE_BYTES = 1024 * 1024
TOKEN_BYTES = 64 * 1024
"""Of one tag, comment or other part that is not complete yet; expat keeps it in memory."""
MAX_ELEMENTS = 200
NAME_LENGTH = 100
VALUE_LENGTH = 256
"""Characters of a value or a message that are kept."""
MAX_DEPTH = 4
VECTOR = re.compile(r"(def|set)(?:Number|Text|Switch|Light)Vector")


class ProtocolError(Exception):
    """What arrived is not INDI. The text continues a sentence that begins with the server."""


class IndiParser:
    """`feed` returns the messages that its bytes complete. It keeps one message at most, of limited size.

    A document type is refused by XML's own rule, because a root element was already read: so there are no entities that
    could grow. After a ProtocolError the stream is lost.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._collect
        self._depth = -1
        """Of the root that is added here 0, of a message 1, of its elements 2."""
        self._messages: list[Message] = []
        self._pending_bytes = self._message_bytes = 0
        self._tag, self._attributes = "", dict[str, str]()
        self._values: dict[str, str] = {}
        self._element = ""
        """The name of the element whose text is being read; empty if it is not kept."""
        self._parse("<stream>")

    def feed(self, data: bytes) -> list[Message]:
        self._pending_bytes += len(data)
        self._message_bytes += len(data)
        self._parse(self._decoder.decode(data))
        if self._pending_bytes > TOKEN_BYTES:
            raise ProtocolError(f"sends a part of more than {TOKEN_BYTES // 1024} kB")
        if self._message_bytes > MESSAGE_BYTES:
            raise ProtocolError(f"sends a message of more than {MESSAGE_BYTES // 1024} kB")
        found, self._messages = self._messages, []
        return found

    def _parse(self, text: str) -> None:
        try:
            self._parser.Parse(text, False)
        except expat.ExpatError as error:
            raise ProtocolError(f"does not send INDI ({expat.ErrorString(error.code)})") from None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._pending_bytes = 0
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ProtocolError("sends elements that are nested too deeply")
        if self._depth == 1:
            self._message_bytes = 0
            self._tag, self._attributes, self._values = tag, attributes, {}
        elif self._depth == 2 and VECTOR.fullmatch(self._tag):
            self._begin_element(attributes.get("name", ""))

    def _begin_element(self, name: str) -> None:
        if len(self._values) >= MAX_ELEMENTS:
            raise ProtocolError(f"sends a property of more than {MAX_ELEMENTS} elements")
        self._element = name[:NAME_LENGTH]
        if self._element:
            self._values[self._element] = ""

    def _collect(self, text: str) -> None:
        self._pending_bytes = 0
        if self._element and len(self._values[self._element]) < VALUE_LENGTH:
            # Before the value, there is a line break and blanks.
            found = self._values[self._element] + text
            self._values[self._element] = (found.lstrip() or "")[:VALUE_LENGTH]

    def _end(self, tag: str) -> None:
        self._pending_bytes = 0
        self._depth -= 1
        self._element = ""
        if self._depth == 0:
            self._message_bytes = 0
            found = message_of(self._tag, self._attributes, self._values)
            self._messages += [] if found is None else [found]


def message_of(tag: str, attributes: Mapping[str, str], values: Mapping[str, str]) -> Message | None:
    """None for what is not used: pictures, commands of other clients, and what INDI does not have."""
    device, name = attributes.get("device", "")[:NAME_LENGTH], attributes.get("name", "")[:NAME_LENGTH]
    text = attributes.get("message", "")[:VALUE_LENGTH]
    if tag == "message":
        return DeviceMessage(device, text)
    if tag == "delProperty":
        return Deletion(device, name)
    vector = VECTOR.fullmatch(tag)
    if vector is None or not device or not name:
        return None
    stripped = {element: value.rstrip() for element, value in values.items()}
    state = STATES.get(attributes.get("state", ""))
    return PropertyMessage(device, name, vector[1] == "def", state, stripped, text)
