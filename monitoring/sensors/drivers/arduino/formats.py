"""What microcontrollers write in a line, and the values in it. Django-free.

A line is one of: a JSON object; names with numbers, such as `T:23.5,H:40` or `Humidity: 56.70%  Temperature: 19.40°C`;
numbers alone, in an order that is a setting; or what a pattern of the user finds. Any other line has no values: a
banner, or a line in which a byte was damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitoring.sensors.driver import Sample
from monitoring.sensors.quantities import QUANTITIES
from monitoring.sensors.values import finite_number, parse_json, quantity_of, samples_of_members

SKIPPED = "-"
"""In the order of numbers: one that is not used."""
MAX_FIELDS = 20
VALUE = r"[+-]?\d{1,7}(?:\.\d{1,9})?"
UNIT = r"(?:%|°?\s?[CF](?![A-Za-z])|hPa|mbar|m/s|mm/h|V(?![A-Za-z]))"
NAMED = re.compile(
    rf"(?P<name>[A-Za-z][A-Za-z0-9_ -]{{0,29}}?)\s{{0,3}}[:=]\s{{0,3}}"
    rf"(?P<values>{VALUE}(?:\s?{UNIT})?(?:\s{{1,3}}{VALUE}\s?{UNIT})*)(?P<end>[\s,;|]*)",
    re.ASCII,
)
ONE_VALUE = re.compile(rf"(?P<number>{VALUE})(?:\s?(?P<unit>{UNIT}))?", re.ASCII)


class LineParser:
    """`order` are quantities, for lines of numbers. `pattern` replaces the formats; its named groups are quantities,
    with a word of one's own after an underscore: `temperature_roof`."""

    def __init__(self, order: tuple[str, ...], pattern: re.Pattern[str] | None = None) -> None:
        self._order, self._pattern = order, pattern

    def parse(self, line: bytes) -> list[Sample]:
        """The values of a whole line; empty for one that has none. Never raises."""
        text = decode(line)
        if not text:
            return []
        if self._pattern is not None:
            return list(self._matched(self._pattern, text))
        if text.startswith("{"):
            return parse_object(text)
        return parse_named(text) or list(self._numbers(text))

    def _matched(self, pattern: re.Pattern[str], text: str) -> Iterator[Sample]:
        found = pattern.search(text)
        for name, given in (found.groupdict() if found else {}).items():
            quantity, value = group_quantity(name), finite_number(given)
            if quantity is not None and value is not None:
                yield Sample(name, quantity, value)

    def _numbers(self, text: str) -> Iterator[Sample]:
        fields = re.split(r"\s*[,;\t]\s*|\s+", text)[: MAX_FIELDS + 1]
        values = [finite_number(field) for field in fields]
        # A bare number is the first of the order. Any other count is a damaged line.
        if len(values) not in {1, len(self._order)} or None in values:
            return
        for quantity, value in zip(self._order, values, strict=False):
            if quantity != SKIPPED and value is not None:
                yield Sample(quantity, quantity, value)


def parse_order(text: str) -> tuple[str, ...]:
    """`temperature,humidity,-`. ValueError."""
    names = tuple(name.strip() for name in text.split(","))
    used = [name for name in names if name != SKIPPED]
    if not used or len(names) > MAX_FIELDS or len(used) != len(set(used)) or not set(used) <= set(QUANTITIES):
        known = ", ".join(QUANTITIES)
        raise ValueError(f"order is not valid; allowed are different ones of {known}, such as temperature,humidity.")
    return names


def parse_pattern(text: str) -> re.Pattern[str] | None:
    """None without a pattern. ValueError."""
    if not text:
        return None
    try:
        pattern = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"pattern is not a regular expression: {error}.") from error
    if not pattern.groupindex or not all(map(group_quantity, pattern.groupindex)):
        raise ValueError(
            "pattern is not valid; it needs named groups that are quantities, such as (?P<temperature>-?[0-9.]+)."
        )
    return pattern


def group_quantity(name: str) -> str | None:
    """The quantity of `temperature` and `temperature_roof`; the longest that fits."""
    fitting = [quantity for quantity in QUANTITIES if name == quantity or name.startswith(f"{quantity}_")]
    return max(fitting, key=len, default=None)


def decode(line: bytes) -> str:
    """The text without spaces around it; empty if a byte in it is noise."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        # Many sketches send the degree sign as one byte.
        text = line.decode("latin-1").replace("Â", "")
    text = text.replace("\t", " ").strip()
    return text if text.isprintable() else ""


def parse_object(text: str) -> list[Sample]:
    try:
        found = parse_json(text)
    except ValueError:
        return []
    return list(samples_of_members(found)) if isinstance(found, dict) else []


def parse_named(text: str) -> list[Sample]:
    """Of `Humidity: 56.70%  Temperature: 19.40°C 66.92°F`. The whole line must have this form. The first value of a
    name counts that is not in Fahrenheit; names that are no quantities are left out."""
    samples: dict[str, Sample] = {}
    at = 0
    while at < len(text):
        found = NAMED.match(text, at)
        if found is None or (not found["end"] and found.end() < len(text)):
            return []
        at = found.end()
        quantity = quantity_of(found["name"])
        if quantity is not None and (value := first_value(found["values"])) is not None:
            samples.setdefault(quantity, Sample(quantity, quantity, value))
    return list(samples.values())


def first_value(text: str) -> float | None:
    """In °C if the unit is °F."""
    values = [(float(found["number"]), found["unit"] or "") for found in ONE_VALUE.finditer(text)]
    others = [value for value, unit in values if not unit.endswith("F")]
    if others:
        return others[0]
    return round((values[0][0] - 32) / 1.8, 4) if values else None
