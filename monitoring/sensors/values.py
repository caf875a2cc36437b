"""Numbers out of what devices and programs send: names of quantities, JSON paths, names of channels. Django-free."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.readings.quantities import QUANTITIES
from monitoring.sensors.driver import Sample
from monitoring.sensors.units import Unit, quantity_and_unit, value_of

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
