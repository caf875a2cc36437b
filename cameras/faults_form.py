"""The form of a simulated camera's faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cameras.drivers.simulated.faults import Faults
from cameras.validation import sentence

LINES = (
    ("hang", "Hang", "times", "the next picture never arrives"),
    ("crash", "Crash", "times", "the next picture crashes the process"),
    ("disconnect", "Unplugged", "", "until turned off"),
    ("slow", "Slow", "s", "added to each picture"),
    ("torn_frame", "Torn frames", "pictures", "the lower half is corrupt"),
    ("rejected_setting", "Rejected settings", "", "new settings are refused"),
    ("wrong_clock", "Clock offset", "s", "ahead; negative: behind"),
    ("temperature", "Temperature", "°C", "of the sensor"),
)
"""Name, label, unit (empty: on or off), hint."""
WHOLE = frozenset({"hang", "crash", "torn_frame"})


@dataclass(slots=True)
class FaultField:
    name: str
    label: str
    unit: str
    hint: str
    value: str
    error: str = ""


class FaultsForm:
    """`faults` is what was asked for; None when something is to mend."""

    def __init__(self, on: Mapping[str, Any], data: Mapping[str, str] | None = None) -> None:
        shown = {name: text_of(value) for name, value in on.items()} if data is None else data
        self.fields = [FaultField(*line, value=shown.get(line[0], "").strip()) for line in LINES]
        self.faults: Faults | None = None
        if data is not None:
            self._read()

    @property
    def to_mend(self) -> int:
        return sum(bool(field.error) for field in self.fields)

    def _read(self) -> None:
        given = {field.name: value_of(field) for field in self.fields if field.value}
        try:
            self.faults = Faults.model_validate(given)
        except ValidationError as error:
            by_name = {field.name: field for field in self.fields}
            for item in error.errors():
                by_name[str(item["loc"][0])].error = sentence({**item, "loc": ()})


def text_of(value: Any) -> str:
    if value is True:
        return "on"
    return f"{value:g}" if isinstance(value, float) else str(value)


def value_of(field: FaultField) -> Any:
    """As the model takes it; what is no number goes to it as text, and is refused there."""
    if not field.unit:
        return field.value == "on"
    try:
        number = float(field.value.replace(",", "."))
    except ValueError:
        return field.value
    return int(number) if field.name in WHOLE and number.is_integer() else number
