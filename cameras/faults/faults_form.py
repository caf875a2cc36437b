"""The form of a simulated camera's faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cameras.drivers.simulated.faults import Faults
from cameras.validation import sentence

FAULT_FIELDS = (
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
INTEGER_FAULTS = frozenset({"hang", "crash", "torn_frame"})


@dataclass(slots=True)
class FaultField:
    name: str
    label: str
    unit: str
    hint: str
    value: str
    error: str = ""


class FaultsForm:
    """`faults` are the requested faults; None when a field is bad."""

    def __init__(self, on: Mapping[str, Any], data: Mapping[str, str] | None = None) -> None:
        shown = {name: format_value(value) for name, value in on.items()} if data is None else data
        self.fields = [FaultField(*line, value=shown.get(line[0], "").strip()) for line in FAULT_FIELDS]
        self.faults: Faults | None = None
        if data is not None:
            self._read()

    @property
    def error_count(self) -> int:
        return sum(bool(field.error) for field in self.fields)

    def _read(self) -> None:
        given = {field.name: parse_value(field) for field in self.fields if field.value}
        try:
            self.faults = Faults.model_validate(given)
        except ValidationError as error:
            by_name = {field.name: field for field in self.fields}
            for item in error.errors():
                by_name[str(item["loc"][0])].error = sentence({**item, "loc": ()})


def format_value(value: Any) -> str:
    if value is True:
        return "on"
    return f"{value:g}" if isinstance(value, float) else str(value)


def parse_value(field: FaultField) -> Any:
    """The value for the model, which refuses text that is not a number."""
    if not field.unit:
        return field.value == "on"
    try:
        number = float(field.value.replace(",", "."))
    except ValueError:
        return field.value
    return int(number) if field.name in INTEGER_FAULTS and number.is_integer() else number
