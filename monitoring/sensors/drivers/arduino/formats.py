"""Lines of microcontrollers: whole ones out of the bytes of a serial port, and the values in them. A line is one of:
a JSON object; numbers alone, in an order that is a setting; names with numbers, or numbers with units; or what a
pattern of the user finds. Django-free."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from core.readings.quantities import QUANTITIES
from monitoring.sensors.driver import Sample
from monitoring.sensors.drivers.arduino.named_values import parse_named_values
from monitoring.sensors.units import NUMBER, converted, value_of
from monitoring.sensors.values import parse_json, samples_of_members

LINE_BYTES = 512
"""A longer line is dropped."""
ENDS = re.compile(rb"[\r\n]")


class LineBuffer:
    """However the bytes are split, the lines are the same. A line counts once its end has come: half of `-12.5` is
    another temperature. The line in which listening begins is dropped, because it may be half of one."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_dropped = True

    def feed(self, content: bytes) -> list[bytes]:
        """The lines that end in `content`, without their ends; empty ones are left out."""
        lines = []
        *ended, rest = ENDS.split(content)
        for part in ended:
            line = self._rest + part
            if line and not self._is_dropped and len(line) <= LINE_BYTES:
                lines.append(line)
            self._rest, self._is_dropped = b"", False
        self._rest += rest
        if len(self._rest) > LINE_BYTES:
            self._rest, self._is_dropped = b"", True
        return lines


SKIPPED = "-"
"""In the order of numbers: one that is not used."""
MAX_FIELDS = 20
DECIMAL_SIGNS = ("auto", "point", "comma")
NOT_MEASURED = re.compile(r"[+-]?(?:nan|inf|ovf)|null|none|n/?a|-+|\?+", re.IGNORECASE)
"""What devices write in place of a number."""
FAILED = re.compile(r"|err(?:or)?|fail(?:ed)?", re.IGNORECASE)
"""The same between commas or semicolons. Between spaces they are words of a sentence."""
COMMA_ENDS = re.compile(r"\s*[,;]\s*|\s+")
COMMA_DECIMAL = re.compile(r"\s*;\s*|\s+")
CLOCK = re.compile(
    r"\[?\s*"
    r"(?:(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(?:\s?\([A-Za-z]{3,9}\))?(?:T|[,;]?\s+|[,;]))?"
    r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:\s?[AP]M(?![A-Za-z]))?(?:Z|[+-]\d{2}:?\d{2})?(?![\d.:])"
    r"\s*\]?\s*(?:->|[,;|]|[:-](?=\s))?\s*",
    re.ASCII | re.IGNORECASE,
)
"""The time that a monitor or a logger writes before a line."""


class AmbiguousLine(ValueError):
    """Its comma may be a decimal sign, or be between two values."""


class LineParser:
    """`order` are quantities, for lines of numbers. `pattern` replaces the formats; its named groups are quantities,
    with a word of one's own after an underscore: `temperature_roof`. `decimal` is one of DECIMAL_SIGNS."""

    def __init__(self, order: tuple[str, ...], pattern: re.Pattern[str] | None = None, decimal: str = "auto") -> None:
        self._order, self._pattern = order, pattern
        self._decimal = decimal
        """With `auto`, what the first plain line has shown holds for the others: `23.5,40` may be followed by
        `23,40`."""

    def parse(self, line: bytes) -> list[Sample]:
        """The values of a whole line; empty for one that has none. AmbiguousLine."""
        text = decode(line)
        if not text:
            return []
        if self._pattern is not None:
            return list(self._matched(self._pattern, text))
        text = text[found.end() :] if (found := CLOCK.match(text)) else text
        if text.startswith("{"):
            return parse_object(text)
        return self._numbers(text) or parse_named_values(text, "." if self._decimal == "point" else ".,")

    def _matched(self, pattern: re.Pattern[str], text: str) -> Iterator[Sample]:
        found = pattern.search(text)
        for name, given in (found.groupdict() if found else {}).items():
            quantity = group_quantity(name)
            # No microcontroller writes a comma between thousands.
            if quantity and given and (value := value_of(given.replace(",", "."), quantity)) is not None:
                yield Sample(name, quantity, value)

    def _numbers(self, text: str) -> list[Sample]:
        """Of a line of numbers. A number that was not measured takes only itself."""
        text = text.rstrip(",; ")
        between = self._samples_of(fields_of(COMMA_ENDS, text), has_commas="," in text or ";" in text)
        decimal = self._samples_of(
            [field.replace(",", ".") for field in fields_of(COMMA_DECIMAL, text)], has_commas=";" in text
        )
        if self._decimal == "auto" and "," in text and between != decimal:
            if between and decimal:
                raise AmbiguousLine
            if between or decimal:
                self._decimal = "point" if between else "comma"
        return decimal if self._decimal == "comma" else between

    def _samples_of(self, fields: list[str], *, has_commas: bool) -> list[Sample]:
        """Empty unless there is a field for each quantity. A bare number is the first of the order."""
        words = [field for field in fields if not NUMBER.fullmatch(field)]
        are_known = all(NOT_MEASURED.fullmatch(word) or (has_commas and FAILED.fullmatch(word)) for word in words)
        # Any other count is a damaged line.
        if len(fields) not in {1, len(self._order)} or not are_known:
            return []
        return [
            Sample(quantity, quantity, number)
            for quantity, field in zip(self._order, fields, strict=False)
            if quantity != SKIPPED and (number := converted(number_or_none(field), None, quantity)) is not None
        ]


def fields_of(separator: re.Pattern[str], text: str) -> list[str]:
    return separator.split(text, maxsplit=MAX_FIELDS + 1)


def number_or_none(field: str) -> float | None:
    return float(field) if NUMBER.fullmatch(field) else None


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
    line = line.removeprefix(codecs.BOM_UTF8)
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
