"""The mount, the focuser and the filter wheel of an INDI server, and what their properties say. Django-free. Source:
the standard properties of INDI's library, https://docs.indilib.org/drivers/standard-properties/"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from cameras.telescope_status.indi.client import CONNECTION, Command, IndiClient, IndiSession, Server
from cameras.telescope_status.indi.connection import Property
from cameras.telescope_status.sources import (
    SourceContext,
    SourceSettings,
    StatusError,
    StatusSource,
    check_coordinates,
    check_focus,
)
from cameras.telescope_status.status import (
    TEXT_LENGTH,
    TelescopeStatus,
    join_sentences,
    parse_number,
    read_value,
    with_sidereal_time,
)
from core.sky.sidereal import hour_angle
from core.text.names import Line, readable

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


RECONNECT_S = 10.0
"""Between two attempts to have a device connected."""
DeviceName = Annotated[Line, Field(max_length=100)]


class IndiSettings(SourceSettings):
    """At least one device is set. The values of a device that is not set are unknown."""

    host: Annotated[Line, Field(min_length=1, max_length=253)] = "localhost"
    port: int = Field(default=7624, ge=1, le=65_535)
    telescope: DeviceName = ""
    focuser: DeviceName = ""
    filter_wheel: DeviceName = ""
    focus_per_step: float = Field(default=1.0, gt=0, le=1000)
    """What a step of the focuser is in the unit of the header word: with 0.001, a step of 1 µm gives millimetres."""
    connect_devices: bool = False
    """Whether Skycam has INDI connect a device that is disconnected, such as after a restart of the server."""
    answer_s: float = Field(default=1.5, ge=0.1, le=30)
    """Seconds in which the server and its devices answer."""

    @model_validator(mode="after")
    def require_a_device(self) -> Self:
        if not self.devices():
            raise ValueError("must name a telescope, a focuser or a filter_wheel.")
        return self

    def devices(self) -> dict[str, str]:
        """Key of ROLES -> name of the device. One device may have several roles."""
        named = {"telescope": self.telescope, "focuser": self.focuser, "filter_wheel": self.filter_wheel}
        return {role: device for role, device in named.items() if device}


class IndiSource(StatusSource):
    """A `CanPoint`. Coordinates are those of `EQUATORIAL_EOD_COORD`, which are of the equinox of date."""

    Settings = IndiSettings

    def __init__(self, settings: IndiSettings, context: SourceContext) -> None:
        super().__init__(settings, context)
        self._settings, self._devices = settings, settings.devices()
        wanted: dict[str, list[str]] = {device: [] for device in self._devices.values()}
        for role, device in self._devices.items():
            wanted[device] += ROLES[role].properties
        server = Server(settings.host, settings.port, context.guard, settings.answer_s)
        self._client = IndiClient(server, wanted, NAMES)
        self._connect_at = dict.fromkeys(wanted, -math.inf)

    def read(self, deadline: float) -> TelescopeStatus:
        until = self._until(deadline)
        try:
            session = self._client.read(until)
            status = self._status({role: self._read_device(session, role, until) for role in self._devices})
        except StatusError as error:
            status = TelescopeStatus(self.now(), problem=f"The telescope's status is unknown. {error}")
        return with_sidereal_time(status, self.context.site.longitude)

    def close(self) -> None:
        self._client.close()

    def point(self, ra_hours: float, dec_deg: float, deadline: float) -> None:
        check_coordinates(ra_hours, dec_deg)
        until = self._until(deadline)
        session, device = self._open_device("telescope", until, (PARK, GOTO))
        parked = session.find(device, PARK)
        if parked is not None and parked.values.get("PARK") == "On":
            raise StatusError(f"The telescope {device} is parked. Unpark it first.")
        # Before the coordinates: with SYNC they would not move the mount, but change where it believes that it points.
        if session.find(device, GOTO):
            session.execute(goto_command(device), until)
        session.execute(coordinates_command(device, ra_hours, dec_deg), until)

    def focus(self, position: float, deadline: float) -> None:
        check_focus(position)
        until = self._until(deadline)
        session, device = self._open_device("focuser", until)
        steps = round(position / self._settings.focus_per_step)
        session.execute(number_command(device, FOCUS, FOCUS_STEPS, steps), until)

    def select_filter(self, name: str, deadline: float) -> None:
        until = self._until(deadline)
        session, device = self._open_device("filter_wheel", until)
        filters = filter_names(session.find(device, FILTERS))
        slot = next((number for number, known in filters.items() if name in {known, str(number)}), None)
        if slot is None:
            known = ", ".join(filters.values()) or "none with a name"
            raise StatusError(f"The filter wheel {device} has no filter {name!r}; it has {known}.")
        session.execute(number_command(device, SLOT, SLOT_NUMBER, slot), until)

    def _until(self, deadline: float) -> float:
        """The deadline as a time of `time.monotonic()`."""
        return time.monotonic() + deadline - self.context.clock.monotonic()

    def _open_device(self, role: str, until: float, also: Collection[str] = ()) -> tuple[IndiSession, str]:
        """The session after a read, also of the properties `also`, and the name of the device. StatusError if the
        device cannot be used."""
        device = self._devices.get(role)
        if device is None:
            raise StatusError(f"No {ROLES[role].words} is set. Set `{role}` to the name of an INDI device.")
        session = self._client.read(until, [(device, name) for name in also])
        if problem := self._connection_problem(session, role, until):
            raise StatusError(problem)
        return session, device

    def _status(self, readings: dict[str, DeviceReading]) -> TelescopeStatus:
        values: dict[str, Any] = {}
        for reading in readings.values():
            values |= reading.values
        if values.get("focus") is not None:
            values["focus"] *= self._settings.focus_per_step
        mount = readings.get("telescope", DeviceReading())
        moves = {reading.is_moving for role, reading in readings.items() if role != "telescope"}
        return TelescopeStatus(
            self.now(),
            **values,
            is_slewing=mount.is_moving,
            is_adjusting=True if True in moves else None if None in moves else False,
            problem=join_sentences(reading.problem for reading in readings.values()),
        )

    def _read_device(self, session: IndiSession, role: str, until: float) -> DeviceReading:
        problem = self._connection_problem(session, role, until)
        return DeviceReading(problem=problem) if problem else ROLES[role].read(session, self._devices[role])

    def _connection_problem(self, session: IndiSession, role: str, until: float) -> str:
        """Why the device cannot be used; empty if it can."""
        device, words = self._devices[role], ROLES[role].words
        connection = session.find(device, CONNECTION)
        if connection is None:
            return self._absence(device, words, role, until)
        if connection.values.get("CONNECT") == "On":
            return ""
        if not self._settings.connect_devices:
            return f"The {words} {device} is not connected. Connect it in INDI, or set `connect_devices`."
        self._connect(session, device, until)
        return f"The {words} {device} is not connected. It is being connected."

    def _connect(self, session: IndiSession, device: str, until: float) -> None:
        now = time.monotonic()
        if now - self._connect_at[device] >= RECONNECT_S:
            self._connect_at[device] = now
            session.send(Command("Switch", device, CONNECTION, {"CONNECT": "On"}, lambda _: True), until)

    def _absence(self, device: str, words: str, role: str, until: float) -> str:
        """About a device that has not answered."""
        try:
            devices = self._client.list_devices(until)
        except StatusError:
            # The other devices may have answered.
            devices = [device]
        if device in devices:
            return f"The {words} {device} does not answer. Check its driver."
        known = readable(", ".join(devices)) or "none"
        return f"The INDI server has no {words} {device}. Its devices are: {known}. Correct the setting `{role}`."
