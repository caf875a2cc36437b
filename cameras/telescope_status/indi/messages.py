"""The messages of INDI's protocol 1.7 that a client without pictures needs, and what they reported about a few
properties of a few devices. Django-free. Source: Downey, INDI: Instrument-Neutral Distributed Interface, 2007."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from xml.sax.saxutils import escape, quoteattr

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
