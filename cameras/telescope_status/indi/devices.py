"""What the properties of a mount, a focuser and a filter wheel say. Django-free.

Source: the standard properties of INDI's library, https://docs.indilib.org/drivers/standard-properties/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cameras.telescope_status.indi.messages import Property
from cameras.telescope_status.indi.session import Command, IndiSession
from cameras.telescope_status.status import TEXT_LENGTH, join_sentences, parse_number, read_value
from core.sky.sidereal import hour_angle
from core.text.names import readable

COORDINATES, RA, DEC = "EQUATORIAL_EOD_COORD", "RA", "DEC"
GOTO, PARK = "ON_COORD_SET", "TELESCOPE_PARK"
FOCUS, FOCUS_STEPS = "ABS_FOCUS_POSITION", "FOCUS_ABSOLUTE_POSITION"
SLOT, SLOT_NUMBER = "FILTER_SLOT", "FILTER_SLOT_VALUE"
FILTERS, FILTER_PREFIX = "FILTER_NAME", "FILTER_SLOT_NAME_"
NAMES = frozenset({COORDINATES, GOTO, PARK, FOCUS, SLOT, FILTERS})
"""The properties that are used."""
NEAR_DEG = 0.1
"""A mount has reached coordinates if it reports them to within this."""
MAX_SLOT = 999


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """`values` are fields of the status; what is unknown is left out. `is_moving` is None while that is unknown."""

    values: Mapping[str, Any] = field(default_factory=dict)
    is_moving: bool | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """What a device is for. `read` is called once the device has answered and is connected."""

    words: str
    properties: tuple[str, ...]
    read: Callable[[IndiSession, str], DeviceReading]


def read_mount(session: IndiSession, device: str) -> DeviceReading:
    found = session.find(device, COORDINATES)
    if problem := property_problem(found, "telescope", device, COORDINATES):
        return DeviceReading(problem=problem)
    assert found is not None
    ra, ra_problem = read_value("ra", found.values.get(RA, ""))
    dec, dec_problem = read_value("dec", found.values.get(DEC, ""))
    problem = join_sentences([ra_problem, dec_problem])
    return DeviceReading({"ra": ra, "dec": dec}, found.state == "Busy", problem)


def read_focuser(session: IndiSession, device: str) -> DeviceReading:
    """The focus is in steps."""
    found = session.find(device, FOCUS)
    if problem := property_problem(found, "focuser", device, FOCUS):
        return DeviceReading(problem=problem)
    assert found is not None
    focus, problem = read_value("focus", found.values.get(FOCUS_STEPS, ""))
    return DeviceReading({"focus": focus}, found.state == "Busy", problem)


def read_filter_wheel(session: IndiSession, device: str) -> DeviceReading:
    found = session.find(device, SLOT)
    if problem := property_problem(found, "filter wheel", device, SLOT):
        return DeviceReading(problem=problem)
    assert found is not None
    if found.state == "Busy":
        return DeviceReading({}, True, f"The filter wheel {device} is turning.")
    number = parse_number(found.values.get(SLOT_NUMBER, ""))
    if number is None or not number.is_integer() or not 1 <= number <= MAX_SLOT:
        return DeviceReading({}, False, f"The filter wheel {device} does not report the number of its filter.")
    slot = int(number)
    name = filter_names(session.find(device, FILTERS)).get(slot)
    problem = "" if name else f"The filter wheel {device} has no name for filter {slot}. Give it one in INDI."
    return DeviceReading({"filter_id": str(slot), "filter_name": name}, False, problem)


ROLES = {
    "telescope": Role("telescope", (COORDINATES,), read_mount),
    "focuser": Role("focuser", (FOCUS,), read_focuser),
    "filter_wheel": Role("filter wheel", (SLOT, FILTERS), read_filter_wheel),
}
"""Setting that names the device -> what it is for."""


def property_problem(found: Property | None, role: str, device: str, name: str) -> str:
    """Why the values of a property are not to be used; empty if they are."""
    if found is None:
        return f"{device} does not report {name}: it is not ready yet, or it is no {role}."
    # A driver reports its last values with this state if it cannot read the device.
    return f"The {role} {device} reports an error. See the messages of INDI." if found.state == "Alert" else ""


def filter_names(found: Property | None) -> dict[int, str]:
    """Number -> name, of the filters that have one."""
    values = {} if found is None else found.values
    numbered = ((name.removeprefix(FILTER_PREFIX), text) for name, text in values.items())
    return {
        int(number): readable(text)[:TEXT_LENGTH]
        for number, text in numbered
        if text and len(number) <= len(str(MAX_SLOT)) and number.isascii() and number.isdecimal()
    }


def goto_command(device: str) -> Command:
    """The next coordinates are slewed to and tracked."""
    return Command("Switch", device, GOTO, {"TRACK": "On"}, lambda found: found.values.get("TRACK") == "On")


def coordinates_command(device: str, ra_hours: float, dec_deg: float) -> Command:
    values = {RA: f"{ra_hours % 24:.8f}", DEC: f"{dec_deg:.8f}"}
    return Command("Number", device, COORDINATES, values, lambda found: is_near(found, ra_hours, dec_deg))


def number_command(device: str, name: str, element: str, number: int) -> Command:
    def is_reached(found: Property) -> bool:
        return parse_number(found.values.get(element, "")) == number

    return Command("Number", device, name, {element: str(number)}, is_reached)


def is_near(found: Property, ra_hours: float, dec_deg: float) -> bool:
    ra, dec = parse_number(found.values.get(RA, "")), parse_number(found.values.get(DEC, ""))
    if ra is None or dec is None:
        return False
    return abs(hour_angle(ra, ra_hours)) * 15 <= NEAR_DEG and abs(dec - dec_deg) <= NEAR_DEG
