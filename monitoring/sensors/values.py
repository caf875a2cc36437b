"""Numbers out of what devices and programs send: names of quantities, JSON paths, names of channels. Django-free."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitoring.sensors.driver import Sample
from monitoring.sensors.quantities import QUANTITIES

CHANNEL_LENGTH = LABEL_LENGTH = 80
MAX_SOURCES = 50
MAX_DEPTH = 10
"""Members of a JSON path."""
NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?", re.ASCII)

ALIASES = {
    "temp": "temperature", "t": "temperature", "temperature_c": "temperature", "temp_c": "temperature",
    "tempc": "temperature", "hum": "humidity", "h": "humidity", "rh": "humidity", "relative_humidity": "humidity",
    "p": "pressure", "press": "pressure", "pres": "pressure", "dewpoint": "dew_point", "wind_speed": "wind",
    "windspeed": "wind", "wind_gust": "gust", "sqm": "sky_brightness", "volt": "voltage", "volts": "voltage",
    "v": "voltage", "battery_voltage": "voltage",
}  # fmt: skip
"""What devices call a quantity -> the quantity."""


@dataclass(frozen=True, slots=True)
class ValueSource:
    """One entry of a setting such as `outside.temp=temperature:Roof`. `name` is what is before the equals sign."""

    name: str
    quantity: str
    label: str = ""


def quantity_of(name: str) -> str | None:
    """The quantity that a device's name for a value means; None for a name that is not known."""
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    return plain if plain in QUANTITIES else ALIASES.get(plain)


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
    """ValueError for what is no JSON, or is nested too deeply."""
    try:
        return json.loads(content)
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


def finite_number(value: Any) -> float | None:
    """The number of a JSON value or a text; None for anything else, also for truth values, NaN and infinity."""
    if isinstance(value, str):
        text = value.strip()
        return float(text) if NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


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
        value = finite_number(value_at(document, source.name))
        if value is not None:
            yield Sample(channel_of(source.name), source.quantity, value, source.label, age_s)


def samples_of_members(document: dict[Any, Any]) -> Iterator[Sample]:
    """The members of a JSON object whose names are those of quantities; the first of each name counts."""
    for name, given in document.items():
        quantity, value = quantity_of(str(name)), finite_number(given)
        if quantity is not None and value is not None:
            yield Sample(channel_of(str(name)), quantity, value)
