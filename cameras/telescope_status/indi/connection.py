"""A TCP connection to an INDI server, and its XML as it arrives: a stream of elements without a root, and hostile
input. Every call ends at a time of `time.monotonic()`. Django-free."""

from __future__ import annotations

import codecs
import re
import socket
import time
from collections.abc import Mapping
from typing import Self
from xml.parsers import expat

from cameras.telescope_status.indi.messages import STATES, Deletion, DeviceMessage, Message, PropertyMessage
from cameras.telescope_status.sources import StatusError
from core.outgoing import AddressRefused, OutgoingGuard

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
