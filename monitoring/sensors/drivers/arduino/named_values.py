"""The values in a line of words and numbers, as the example sketches of common libraries print it. Django-free.

`Humidity: 55.00 %  Temperature: 24.10 *C 75.38 *F`: before a number is its name, behind it its unit; further numbers
belong to the same name. A name that is no quantity is left out with its numbers. Without a name the unit decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from monitoring.sensors.driver import Sample
from monitoring.sensors.units import UNIT, UNITS, Unit, converted, plain_degrees, quantity_and_unit

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
