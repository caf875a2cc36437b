"""Numbers out of what devices and programs send: names of quantities, JSON paths, names of channels. UNITS: numbers
with a unit or a decimal comma, in the unit of their quantity. Django-free."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.readings.reading import QUANTITIES
from monitoring.sensors.driver import Sample

NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?\d{1,15},\d{1,15}", re.ASCII)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
"""`1,013` is 1.013 for some and 1013 for others: it has no value."""
LONGEST_VALUE = 60
"""Characters of a number with its unit."""
LEAST_PA, MOST_PA = 30_000.0, 110_000.0
"""A pressure of the air without a unit that can only be one in pascals."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`measures` are the quantities that it is a unit of; empty for one of something that is not read. A number times
    `factor` plus `offset` is in the unit of QUANTITIES."""

    measures: tuple[str, ...] = ()
    factor: float = 1.0
    offset: float = 0.0
    tells_quantity: bool = True
    """Whether a number without a name is the first of `measures`."""

    @property
    def is_converted(self) -> bool:
        return (self.factor, self.offset) != (1.0, 0.0)


_TEMPERATURES, _SPEEDS = ("temperature", "dew_point"), ("wind", "gust")
_CELSIUS, _FAHRENHEIT = Unit(_TEMPERATURES), Unit(_TEMPERATURES, 1 / 1.8, -32 / 1.8)
_PERCENT = Unit(("humidity", "cloud", "percent"))
_BRIGHTNESS = Unit(("sky_brightness",))
UNITS: dict[str, Unit] = {
    **dict.fromkeys(("c", "°c", "oc", "celsius", "°celsius", "℃"), _CELSIUS),
    **dict.fromkeys(("f", "°f", "fahrenheit", "°fahrenheit", "℉"), _FAHRENHEIT),
    # Also the unit of a direction.
    "°": Unit(_TEMPERATURES, tells_quantity=False),
    **dict.fromkeys(("%", "%rh", "% rh", "rh%", "rh", "percent"), _PERCENT),
    **dict.fromkeys(("hpa", "mbar", "mb"), Unit(("pressure",))),
    "pa": Unit(("pressure",), 0.01),
    "kpa": Unit(("pressure",), 10.0),
    "inhg": Unit(("pressure",), 33.8639),
    "mmhg": Unit(("pressure",), 1.333224),
    "m/s": Unit(_SPEEDS),
    **dict.fromkeys(("km/h", "kmh", "kph"), Unit(_SPEEDS, 1 / 3.6)),
    "mph": Unit(_SPEEDS, 0.44704),
    **dict.fromkeys(("kn", "kt", "kts", "knots"), Unit(_SPEEDS, 0.514444)),
    "mm/h": Unit(("rain",)),
    **dict.fromkeys(("v", "volt", "volts"), Unit(("voltage",))),
    "mv": Unit(("voltage",), 0.001),
    **dict.fromkeys(("mag/arcsec²", "mag/arcsec2", "mag/arcsec^2", "mag", "mpsas"), _BRIGHTNESS),
    # Magnitudes of an SQM, metres of everything else.
    "m": Unit(("sky_brightness",), tells_quantity=False),
    **dict.fromkeys(
        ("ppm", "ppb", "lux", "ohm", "ohms", "kohm", "kohms", "meters", "metres", "feet", "ft", "mm", "cm", "ms", "hz",
         "db", "dbm"),
        Unit(),
    ),
}  # fmt: skip
"""How a unit is written, in small letters -> what it measures."""
UNIT = "|".join(re.escape(text).replace(r"\ ", r"\s") for text in sorted(UNITS, key=len, reverse=True))
"""A pattern; without regard to small and capital letters."""
WITH_UNIT = re.compile(rf"(?P<number>[^\s°%℃℉A-Za-z']+)\s{{0,3}}(?P<unit>{UNIT})", re.IGNORECASE | re.ASCII)
DEGREES = re.compile(
    r"\s?(?:[°º˚*']|(?<![A-Za-z])deg(?:rees?)?\.?)\s{0,2}(?=(?:[CF]|celsius|fahrenheit)(?![A-Za-z]))", re.IGNORECASE
)

ALIASES = {
    "temp": "temperature", "t": "temperature", "tempc": "temperature", "hum": "humidity", "h": "humidity",
    "rh": "humidity", "relative_humidity": "humidity", "p": "pressure", "press": "pressure", "pres": "pressure",
    "dewpoint": "dew_point", "wind_speed": "wind", "windspeed": "wind", "wind_gust": "gust", "sqm": "sky_brightness",
    "volt": "voltage", "volts": "voltage", "v": "voltage", "battery_voltage": "voltage",
}  # fmt: skip
"""What devices call a quantity -> the quantity."""


def quantity_and_unit(name: str) -> tuple[str | None, Unit | None]:
    """What a device's name for a value means, such as `Temp (°F)`: the quantity, or None for a name that is not known;
    and the unit that it names."""
    plain = re.sub(r"[^\w°%℃℉/²^]+", "_", plain_degrees(name).strip().lower()).strip("_")
    if (quantity := _quantity(plain)) is not None:
        return quantity, None
    head, _, tail = plain.rpartition("_")
    quantity, unit = _quantity(head), UNITS.get(tail)
    return (quantity, unit) if quantity and unit and quantity in unit.measures else (None, None)


def _quantity(plain: str) -> str | None:
    return plain if plain in QUANTITIES else ALIASES.get(plain)


def plain_degrees(text: str) -> str:
    """`degrees C`, `*C` and `'C` as ` °C`."""
    return DEGREES.sub(" °", text)


def finite_number(value: Any) -> float | None:
    """The number of a JSON value or a text; None for anything else, also for truth values, NaN and infinity."""
    if isinstance(value, str):
        text = value.strip()
        if DECIMAL_COMMA.fullmatch(text) and not GROUPED.fullmatch(text):
            text = text.replace(",", ".")
        return float(text) if NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def value_of(value: Any, quantity: str, named_unit: Unit | None = None) -> float | None:
    """The number of a JSON value or a text such as `23,5 °C`, in the unit of the quantity. None for anything else, and
    for a unit of another quantity. `named_unit` is that of a number without one."""
    if not isinstance(value, str):
        return converted(finite_number(value), named_unit, quantity)
    text = value.strip().removeprefix("\ufeff")
    if len(text) > LONGEST_VALUE:
        return None
    if found := WITH_UNIT.fullmatch(plain_degrees(text)):
        return converted(finite_number(found["number"]), UNITS[found["unit"].lower()], quantity)
    return converted(finite_number(text), named_unit, quantity)


def converted(number: float | None, unit: Unit | None, quantity: str) -> float | None:
    """The number in the unit of the quantity; None without a number, or for a unit of another quantity."""
    if number is None or (unit is not None and quantity not in unit.measures):
        return None
    if unit is None and quantity == "pressure" and LEAST_PA <= number <= MOST_PA:
        unit = UNITS["pa"]
    return round(number * unit.factor + unit.offset, 4) if unit is not None and unit.is_converted else number


CHANNEL_LENGTH = LABEL_LENGTH = 80
MAX_SOURCES = 50
MAX_DEPTH = 10
"""Members of a JSON path."""
NO_NUMBER = re.compile(r"(?<=[:,\[\s])[+-]?(?:nan|inf|infinity|ovf)(?=\s*[,}\]])", re.IGNORECASE)
"""What microcontrollers print for a value that was not measured. JSON has no word for it."""


@dataclass(frozen=True, slots=True)
class ValueSource:
    """One entry of a setting such as `outside.temp=temperature:Roof`. `name` is what is before the equals sign."""

    name: str
    quantity: str
    label: str = ""


def parse_sources(text: str, setting: str) -> list[ValueSource]:
    """The entries of `name=quantity[:label], ...`. ValueError with a sentence that names the setting."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not 1 <= len(entries) <= MAX_SOURCES:
        raise ValueError(f"{setting} is not valid; allowed are 1 to {MAX_SOURCES} entries such as temp=temperature.")
    return [_parse_source(entry, setting) for entry in entries]


def _parse_source(entry: str, setting: str) -> ValueSource:
    name, equals, meaning = (part.strip() for part in entry.rpartition("="))
    quantity, _, label = (part.strip() for part in meaning.partition(":"))
    if not name or not equals or quantity not in QUANTITIES:
        known = ", ".join(QUANTITIES)
        raise ValueError(f"{setting} is not valid; an entry is name=quantity or name=quantity:label, out of {known}.")
    return ValueSource(name, quantity, label[:LABEL_LENGTH])


def parse_json(content: bytes | str) -> Any:
    """A number that was not measured, such as `nan`, is None. ValueError for what is no JSON, or is nested too
    deeply."""
    text = content if isinstance(content, str) else content.decode(json.detect_encoding(content), "surrogatepass")
    text = text.removeprefix("\ufeff")
    try:
        try:
            return json.loads(text)
        except ValueError:
            return json.loads(NO_NUMBER.sub("null", text))
    except RecursionError as error:
        raise ValueError("The JSON is nested too deeply.") from error


def value_at(document: Any, path: str) -> Any:
    """What is at `a.b.0`: names of members, and places in lists. None if there is nothing."""
    found = document
    for name in path.split(".")[: MAX_DEPTH + 1]:
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return found


def channel_of(name: str) -> str:
    """`name` as that of a channel: at most 80 printable characters. Two names that differ stay different."""
    printable = "".join(sign for sign in name if sign.isprintable())
    if printable == name and 0 < len(name) <= CHANNEL_LENGTH:
        return name
    mark = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{printable[: CHANNEL_LENGTH - 13]}~{mark}"


def samples_of_document(document: Any, sources: list[ValueSource], age_s: float = 0.0) -> Iterator[Sample]:
    """The values at the paths of `sources`. What is missing, or is no number, is left out."""
    for source in sources:
        value = value_of(value_at(document, source.name), source.quantity)
        if value is not None:
            yield Sample(channel_of(source.name), source.quantity, value, source.label, age_s)


def samples_of_members(document: dict[Any, Any]) -> Iterator[Sample]:
    """The members of a JSON object whose names are those of quantities. One in another unit, such as `temp_f`, is left
    out if there is one in the unit of the quantity."""
    found = [(Sample(channel_of(name), quantity, value), unit) for name, quantity, value, unit in _members(document)]
    direct = {sample.quantity for sample, unit in found if unit is None or not unit.is_converted}
    for sample, unit in found:
        if unit is None or not unit.is_converted or sample.quantity not in direct:
            yield sample


def _members(document: dict[Any, Any]) -> Iterator[tuple[str, str, float, Unit | None]]:
    for name, given in document.items():
        quantity, unit = quantity_and_unit(str(name))
        if quantity is not None and (value := value_of(given, quantity, unit)) is not None:
            yield str(name), quantity, value, unit
