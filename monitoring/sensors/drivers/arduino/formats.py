"""Lines of microcontrollers: whole ones out of the bytes of a serial port, and the values in them. A line is one of:
a JSON object; numbers alone, in an order that is a setting; names with numbers, as the example sketches of common
libraries print them (`Humidity: 55.00 %  Temperature: 24.10 *C 75.38 *F`), or numbers with units; or what a pattern
of the user finds. Django-free."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.readings.reading import QUANTITIES
from monitoring.sensors.driver import Sample
from monitoring.sensors.values import (
    NUMBER,
    UNIT,
    UNITS,
    Unit,
    converted,
    parse_json,
    plain_degrees,
    quantity_and_unit,
    samples_of_members,
    value_of,
)

PHRASES = (
    # DallasTemperature, Simple.
    (re.compile(r" for (?:the )?device \d{1,3} \(index \d{1,3}\) is:"), ":"),
    # MAX6675 and MAX31855.
    (re.compile(r"^([CF]) = (?=\S+$)"), r"Temperature °\1 = "),
    # SimpleDHT.
    (re.compile(r"(?<=\d) H$"), " %"),
)
"""What is said in no other way -> the same with a name and a unit."""
OTHER_NAMES = {"ambient": "temperature_ambient", "object": "temperature_object"}
"""The two temperatures of an infrared thermometer, MLX90614 -> their channels. Only with a unit of temperature."""
FILLERS = frozenset({"the", "is", "and", "or", "in", "current", "currently", "now", "measured", "sample", "ok"})
ALLOWED = re.compile(r"[ -~°²µ℃℉]*")
"""Any other character is a damaged byte."""
STRAY_DIGIT = re.compile(r"(?<![\w.])\d", re.ASCII)
"""One that belongs to no number and to no word: the line is damaged."""
NAME_ENDS = re.compile(r"[,;|>=]|:(?!$)|\s-\s|\s{2,}")
BEFORE_VALUE = re.compile(r"(?:[:=]|->|\bis)\s*[\"'(\[]*$")


def tokens_of(sign: str) -> re.Pattern[str]:
    """`sign` are the decimal signs of numbers."""
    return re.compile(
        rf"(?P<rom>(?<![0-9A-Za-z])[0-9A-F]{{16}}(?![0-9A-Za-z]))"
        rf"|(?:(?P<number>(?<![\w.])[+-]?\d{{1,7}}(?:[{sign}]\d{{1,9}})?)"
        rf"|(?P<none>(?<![\w.])[+-]?(?:nan|inf|ovf|null|none|n/a)(?!\w)|-{{2,}}|\?+))"
        # What looks like a unit can be the name of the next value: `T:23.5 H:40`.
        rf"(?:\s{{0,2}}(?P<unit>(?i:{UNIT}))(?![A-Za-z0-9]|\s*[:=])|(?P<other>[A-Za-z]{{1,10}})(?!\w)|(?!\w|[{sign}]\d))",
        re.ASCII,
    )


TOKENS = {".": tokens_of("."), ".,": tokens_of(".,")}
NOTHING = Unit()


@dataclass(frozen=True, slots=True)
class Value:
    number: float | None
    """None for what a device writes in place of one."""
    unit: Unit | None
    has_fraction: bool


@dataclass(slots=True)
class Named:
    """A name with its values; `quantity` is None for a name that is not known, and without one."""

    channel: str
    quantity: str | None
    unit: Unit | None
    is_blank: bool
    is_sure: bool
    """Whether a sign between name and number says that they belong together."""
    values: list[Value] = field(default_factory=list)


def parse_named_values(text: str, signs: str = ".,") -> list[Sample]:
    """The first value of each quantity; of those behind a name one that needs no conversion. Empty for a damaged
    line."""
    for pattern, plain in PHRASES:
        text = pattern.sub(plain, text)
    text = plain_degrees(text)
    tokens = TOKENS[signs]
    if not ALLOWED.fullmatch(text) or STRAY_DIGIT.search(tokens.sub(" ", text)):
        return []
    names = list(_names(text, tokens))
    samples: dict[str, Sample] = {}
    for named in names:
        for sample in _named_samples(named):
            samples.setdefault(sample.channel, sample)
    for sample in (sample for named in names for sample in _unnamed_samples(named)):
        samples.setdefault(sample.channel, sample)
    roms = {found["rom"] for found in tokens.finditer(text)} - {None}
    return [_of_thermometer(sample, roms) for sample in samples.values()]


def _names(text: str, tokens: re.Pattern[str]) -> Iterator[Named]:
    named, end = Named("", None, None, is_blank=True, is_sure=False), 0
    for found in tokens.finditer(text):
        before, end = text[end : found.start()], found.end()
        if found["rom"]:
            continue
        following = _parse_name(before)
        if not following.is_blank:
            yield named
            named = following
        named.values.append(_value(found))
    yield named


def _parse_name(text: str) -> Named:
    is_sure = bool(BEFORE_VALUE.search(text))
    last = NAME_ENDS.split(re.sub(r"[-:=>\s\"'(\[]+$", "", text))[-1]
    words = [word.strip(".-") for word in re.findall(r"[A-Za-z0-9_.%°℃℉/²^-]+", last)]
    name = " ".join(word for word in words if word and word.lower() not in FILLERS)
    quantity, unit = quantity_and_unit(name)
    channel = quantity or OTHER_NAMES.get(name.lower(), "")
    return Named(channel, quantity, unit, is_blank=not name, is_sure=is_sure)


def _value(found: re.Match[str]) -> Value:
    number, written = found["number"], found["unit"]
    unit = UNITS[re.sub(r"\s", " ", written).lower()] if written else NOTHING if found["other"] else None
    return Value(
        number=float(number.replace(",", ".")) if number else None,
        unit=unit,
        has_fraction=bool(number and not number.lstrip("+-").isdigit()),
    )


def _named_samples(named: Named) -> Iterator[Sample]:
    """At most one."""
    quantity = named.quantity or ("temperature" if named.channel else None)
    if quantity is None or not named.values:
        return
    first, *others = named.values
    needs_unit = named.quantity is None or not (named.is_sure or first.has_fraction)
    # A number further behind can be anything, unless its unit says what it is.
    fitting = [first] if first.unit or not needs_unit else []
    fitting += [value for value in others if value.unit]
    found = [
        (unit is not None and unit.is_converted, number)
        for value in fitting
        if (number := converted(value.number, unit := value.unit or named.unit, quantity)) is not None
    ]
    if found:
        yield Sample(named.channel, quantity, min(found, key=lambda pair: pair[0])[1])


def _unnamed_samples(named: Named) -> Iterator[Sample]:
    """Those whose unit says what they are."""
    if not named.is_blank and not named.quantity:
        return
    for value in named.values if named.is_blank else named.values[1:]:
        unit = value.unit
        if unit is None or not unit.measures or not unit.tells_quantity or named.quantity in unit.measures:
            continue
        if (number := converted(value.number, unit, unit.measures[0])) is not None:
            yield Sample(unit.measures[0], unit.measures[0], number)


def _of_thermometer(sample: Sample, roms: set[str]) -> Sample:
    """The temperature of a line that names one thermometer on a 1-Wire bus belongs to that thermometer."""
    if len(roms) != 1 or sample.channel != "temperature":
        return sample
    [rom] = roms
    return Sample(rom, "temperature", sample.value, f"Thermometer {rom}")


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
