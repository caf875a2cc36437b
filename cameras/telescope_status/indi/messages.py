"""The messages of INDI's protocol 1.7 that a client without pictures needs. Django-free.

Source: Downey, INDI: Instrument-Neutral Distributed Interface, 2007.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from xml.sax.saxutils import escape, quoteattr

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
