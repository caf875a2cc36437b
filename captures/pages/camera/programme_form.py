"""The fields of a form that say what a session captures: for the form that starts one, and for schedules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pydantic

from cameras.settings.settings_form import parse_number, range_of
from captures.sessions.requests import EXPOSURE_US, SessionRequest
from core.api.model import describe_error
from core.times.durations import (
    InvalidDuration,
    InvalidExposure,
    exposure_readings,
    format_exposure,
    parse_bracket,
    parse_duration,
    parse_exposure,
)
from core.times.time_parsing import InvalidTime

LABELS = {
    "exposure": "Exposure",
    "kind": "Kind",
    "bracket": "Bracket",
    "burst": "Burst",
    "auto": "Automatic",
    "target": "Target",
    "measure": "Measure",
    "percentile": "Percentile",
    "gain_limits": "Gains",
    "iso_limits": "ISOs",
    "f_number_limits": "Apertures",
    "order": "Order",
    "damping": "Damping",
    "hysteresis": "Hysteresis",
    "wait": "Wait",
    "count": "Frames",
    "gain": "Gain",
    "iso": "ISO",
    "f_number": "Aperture",
    "format": "Format",
}
"""In the order of the form."""
OPTIONAL_FIELDS = ("gain", "iso", "f_number", "format")
"""Fields that a camera may lack; while a camera's settings are unknown, all are shown."""
LIMIT_OF_SETTING = {"gain": "gain_limits", "iso": "iso_limits", "f_number": "f_number_limits"}
CONTROL_FIELDS = {
    "exposure_us": "auto", "target": "target", "measure": "measure", "percentile": "percentile", **LIMIT_OF_SETTING,
    "order": "order", "damping": "damping", "hysteresis_ev": "hysteresis", "mask": "mask",
}  # fmt: skip
"""Field of automatic exposure -> field of the form. Without limits of the exposure it is fixed."""
GROUPS = {
    "control": {*CONTROL_FIELDS.values()},
    "fine_control": {*CONTROL_FIELDS.values()} - {"auto", "target"},
    "camera_fields": {*OPTIONAL_FIELDS},
}
"""Fields that stay folded until one of them is used. The fine control leaves out the limits and the target."""
MEASURES = {"": "mean (default)", "mean": "mean", "median": "median", "percentile": "percentile"}
ORDERS = {
    "": "exposure, gain/ISO, aperture",
    "exposure_us,f_number,gain": "exposure, aperture, gain/ISO",
    "gain,exposure_us,f_number": "gain/ISO, exposure, aperture",
    "gain,f_number,exposure_us": "gain/ISO, aperture, exposure",
    "f_number,exposure_us,gain": "aperture, exposure, gain/ISO",
    "f_number,gain,exposure_us": "aperture, gain/ISO, exposure",
}
"""Choice of the form, with `gain` for the one of gain and ISO that a camera has -> how the form says it."""
USUAL = {"measure": "mean"}
"""Field -> the value that means what an empty one does."""
KINDS = {
    "interval": "one exposure each time",
    "bracket": "a bracket of exposure times",
    "burst": "a burst as fast as possible",
}
FIELD_OF_KEY = {
    "exposure_us": "exposure", "delay_s": "wait", "cadence_s": "wait", "exposures_us": "bracket", "ev_steps": "bracket",
    "windows": "begin",
}  # fmt: skip
SETTING_OF_FIELD = {"exposure": "exposure_us", "gain": "gain", "iso": "iso", "f_number": "f_number"}
INTEGER = re.compile(r"[0-9]{1,9}")  # not \d, which matches the digits of all scripts
RULES = {
    "exposure": "Write 8 s, 250 ms, 20 µs or 1/50 s; at most 3600 s.",
    "wait": "Write 0 s to 24 h, such as 12 s, 90 min or 2 h.",
    "cadence_s": "Write more than 0 s, at most 24 h, such as 12 s, 90 min or 2 h.",
    "count": "Write a whole number from 1 to 10 000 000, or leave it empty to continue until stopped.",
    "kind": "Choose one of the kinds.",
    "bracket": "Write 2 to 50 exposures such as 1 ms, 10 ms, 100 ms, or steps such as -2, 0, 2 EV.",
    "burst": "Write a whole number from 2 to 1000.",
    "begin": "Write 20:00, 2 h, 2026-11-22 20:00, dusk or sunset; empty: now.",
    "until": "Write 06:30, 2 h, 2026-11-22 06:30, dawn, sunrise, sunset or dusk.",
    "auto": "Write the shortest and the longest exposure, such as 50 µs - 20 s; empty: fixed exposure.",
    "target": "Write a number from 0.02 to 0.9, such as 0.4.",
    "measure": "Choose mean, median or percentile.",
    "percentile": "Write a number from 0 to 100.",
    "gain_limits": "Write the lowest and the highest gain, such as 1 - 8.",
    "iso_limits": "Write the lowest and the highest ISO, such as 100 - 3200.",
    "f_number_limits": "Write the lowest and the highest f-number, such as 1.4 - 8.",
    "order": "Choose one of the orders.",
    "damping": "Write a number from 0 to 0.95.",
    "hysteresis": "Write a number of EV from 0 to 3.",
    "gain": "Write a number from 0 to 1000.",
    "iso": "Write a whole number from 1 to 10 000 000.",
    "f_number": "Write a number above 0, at most 128, such as 2.8.",
    "format": "Write at most 64 letters, digits and + . _ - ( ), such as raw or jpeg.",
    "name": "Write at most 120 characters.",
    "options": "These options are not valid.",
}
"""The error of a field whose value is invalid, unless the field's parser has a more specific one."""
IN_WORDS = {
    "cadence_s is": "The time from start to start is", "exposures_us are": "Bracket times are",
    "as ev_steps": "in steps such as -2, 0, 2 EV",
}  # fmt: skip
"""What rules between fields call them -> what the form does."""
NEEDS_AUTO = "Write the limits of the exposure as well: without them it is fixed."


@dataclass(slots=True)
class ProgrammeField:
    name: str
    label: str
    value: str
    error: str = ""
    first: bool = False
    """Whether it is the first field with an error."""
    readings: list[str] = field(default_factory=list)
    """Possible meanings of an exposure without a unit, offered as choices."""
    choices: list[str] = field(default_factory=list)
    """The camera's choices; another value may be written too."""
    range: str = ""
    """The camera's range, as text."""
    ids: str = "start-%s"

    @property
    def ident(self) -> str:
        return self.ids % self.name


class ProgrammeForm:
    """Our own form, not Django's: the camera's capabilities say which fields there are, their ranges and choices, and
    an exposure without a unit is answered with the exposures that it may mean.

    `ranges` are those of the camera, empty while it has none or there are several cameras. `request` is what was
    written; None while the form has errors: `errors` then has a sentence for each field."""

    labels: ClassVar[Mapping[str, str]] = LABELS
    more_fields: ClassVar[tuple[str, ...]] = ("kind", "bracket", "burst")
    """Fields that most sessions do not need: shown when the form is opened further, or when one has a value."""
    request_type: ClassVar[type[SessionRequest]] = SessionRequest
    ids: ClassVar[str] = "start-%s"
    kinds: ClassVar[Mapping[str, str]] = KINDS
    measures: ClassVar[Mapping[str, str]] = MEASURES
    orders: ClassVar[Mapping[str, str]] = ORDERS

    def __init__(
        self,
        ranges: Mapping[str, dict[str, Any]],
        data: Mapping[str, str],
        *,
        read: bool,
        readers: Mapping[str, Callable[[str], Any]] | None = None,
    ) -> None:
        """`read`: whether `data` was sent; else it is what the form shows at first. `readers` are of fields that only
        this form has."""
        self.ranges, self.readers = ranges, {**READERS, **(readers or {})}
        self.data: dict[str, str] = {name: text.strip() for name, text in data.items()}
        self.errors: dict[str, str] = {}
        self.request = self._read() if read else None

    @property
    def names(self) -> list[str]:
        lacking = {name for name in OPTIONAL_FIELDS if self.ranges and name not in self.ranges}
        lacking |= {LIMIT_OF_SETTING[name] for name in lacking if name in LIMIT_OF_SETTING}
        return [name for name in self.labels if name not in lacking]

    @property
    def lacking(self) -> list[str]:
        """Labels of the fields that this camera lacks."""
        return [label for name, label in self.labels.items() if name not in self.names and name in OPTIONAL_FIELDS]

    @property
    def fields(self) -> dict[str, ProgrammeField]:
        found = {}
        for name in self.names:
            text, error = self.data.get(name, ""), self.errors.get(name, "")
            setting = SETTING_OF_FIELD.get(name, name)
            limits = self.ranges.get(setting, {})
            found[name] = ProgrammeField(
                name=name,
                label=self.labels[name],
                value=text,
                error=error,
                first=name == self.first_invalid,
                readings=exposure_readings(text) if name == "exposure" and error else [],
                choices=[str(choice) for choice in limits.get("choices") or ()] if name in OPTIONAL_FIELDS else [],
                range=range_of(setting, limits),
                ids=self.ids,
            )
        return found

    @property
    def given(self) -> dict[str, str]:
        """The form's values, to be submitted again."""
        return {name: self.data[name] for name in [*self.names, "from", "mask"] if self.data.get(name)}

    @property
    def kind(self) -> str:
        return self.data.get("kind") or "interval"

    @property
    def mask(self) -> str:
        """The mask of automatic exposure; the form keeps it, and can only remove it."""
        return "" if self.data.get("unmask") else self.data.get("mask", "")

    @property
    def shows_more(self) -> bool:
        """Whether one of the fields that are needed seldom has a value or an error."""
        return self.kind != "interval" or self._is_used({*self.more_fields} - {"kind"}) or "kind" in self.errors

    @property
    def uses(self) -> dict[str, bool]:
        """Whether a field of each of GROUPS has a value or an error."""
        return {group: self._is_used(names) for group, names in GROUPS.items()}

    def _is_used(self, names: Iterable[str]) -> bool:
        """Whether one of these fields has a value, other than the default of its choices, or an error."""
        return any(self.data.get(name) not in (None, "", USUAL.get(name)) or name in self.errors for name in names)

    @property
    def from_start(self) -> bool:
        return self.data.get("from") == "start"

    @property
    def first_invalid(self) -> str:
        return next((name for name in self.labels if name in self.errors), "")

    @property
    def wrong(self) -> list[ProgrammeField]:
        return [found for found in self.fields.values() if found.error]

    def _read(self) -> SessionRequest | None:
        values = {name: self._value(name, self.readers[name]) for name in self.names}
        self._read_kind(values)
        self._read_control(values)
        self._read_own(values)
        for name, setting in SETTING_OF_FIELD.items():
            limits, value = self.ranges.get(setting, {}), values.get(name)
            if value is not None and not is_within(limits, float(value)):
                self.errors.setdefault(name, f"{range_of(setting, limits)} on this camera.")
        return self._requested(values)

    def _value(self, name: str, read: Callable[[str], Any]) -> Any:
        text = self.data.get(name, "")
        if not text:
            return None
        try:
            return read(text)
        except (InvalidExposure, InvalidDuration, InvalidTime) as error:
            self.errors[name] = str(error)
        except ValueError:
            self.errors[name] = RULES[name]
        return None

    def _read_kind(self, values: dict[str, Any]) -> None:
        """The fields of other kinds are ignored: the form shows all of them."""
        bracket, burst = values.pop("bracket"), values.pop("burst")
        kind = values.get("kind") or "interval"
        needed = {"bracket": bracket, "burst": {"burst": burst} if burst is not None else None}
        if kind not in needed:
            return
        if (found := needed[kind]) is None:
            self.errors.setdefault(kind, RULES[kind])
        values |= found or {}

    def _read_control(self, values: dict[str, Any]) -> None:
        control = {key: values.pop(name, None) for key, name in CONTROL_FIELDS.items() if name != "mask"}
        if control["order"]:
            # The form's choices name all settings, the request those that have limits.
            control["order"] = [name for name in control["order"] if control[name] is not None] or None
        given = {key: value for key, value in {**control, "mask": self.mask or None}.items() if value is not None}
        # Limits that could not be read are reported already.
        if any(name in self.errors for name in CONTROL_FIELDS.values()):
            return
        if "exposure_us" in given:
            values["control"] = given
        elif given.keys() - {"measure", "mask"}:
            self.errors.setdefault("auto", NEEDS_AUTO)

    def _read_own(self, values: dict[str, Any]) -> None:
        """Turn what only this form has, such as times and options, into fields of the request."""

    def _requested(self, values: dict[str, Any]) -> SessionRequest | None:
        """Validate all fields. Rules between fields are checked again without the invalid fields, so that all errors
        are shown."""
        values["cadence_s" if self.from_start else "delay_s"] = values.pop("wait")
        values["exposure_us"] = values.pop("exposure")
        given = {name: value for name, value in values.items() if value is not None and name not in self.errors}
        try:
            request = self.request_type.model_validate(given)
        except pydantic.ValidationError as error:
            wrong = [str(item["loc"][0]) for item in error.errors() if item["loc"]]
            # The error of the field's own parser is more specific and stays.
            for name, sentence in map(error_of, error.errors()):
                self.errors.setdefault(name, sentence)
            self._check_between({name: value for name, value in given.items() if name not in wrong})
            return None
        self._check_between(given)
        return None if self.errors else request

    def _check_between(self, given: dict[str, Any]) -> None:
        cadence_s, exposure_us = given.get("cadence_s"), given.get("exposure_us", EXPOSURE_US)
        if "exposure" in self.errors or cadence_s is None or "control" in given:
            return
        if cadence_s * 1e6 < exposure_us:
            longer = f"shorter than the exposure of {format_exposure(exposure_us)}"
            self.errors["wait"] = f"{self.data['wait']} from start to start is {longer}. Write a longer one."


def is_within(limits: Mapping[str, Any], value: float) -> bool:
    """Also without both limits."""
    least, most = limits.get("minimum"), limits.get("maximum")
    return least is None or most is None or least <= value <= most


def error_of(item: Any) -> tuple[str, str]:
    """The field of an error of the request, and what to write there."""
    place, rule = [str(part) for part in item["loc"]], str(item["msg"])
    if not place:
        return field_of_rule(rule), in_words(describe_error(item))
    if place[0] != "control":
        name = FIELD_OF_KEY.get(place[0], place[0])
        return name, RULES.get(place[0]) or RULES[name]
    if len(place) > 2:
        name = CONTROL_FIELDS[place[2]]
        return name, RULES.get(name) or describe_error(item)
    return field_of_rule(rule, "auto"), describe_error(item)


def in_words(sentence: str) -> str:
    for names, words in IN_WORDS.items():
        sentence = sentence.replace(names, words)
    return sentence


def field_of_rule(message: str, otherwise: str = "exposure") -> str:
    """The field of a rule between fields: the first that its sentence names."""
    keys = {**FIELD_OF_KEY, **(CONTROL_FIELDS if otherwise == "auto" else {})}
    places = {key: message.find(key) for key in keys if key in message}
    return keys[min(places, key=lambda key: places[key])] if places else otherwise


def parse_limits(read: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """A reader of `50 µs - 20 s` or `100-3200`."""

    def parse(text: str) -> list[Any]:
        low, dash, high = text.replace("\N{EN DASH}", "-").partition("-")
        if not dash:
            raise ValueError(text)
        return [read(low.strip()), read(high.strip())]

    return parse


def order_names(choice: str) -> list[str]:
    """Of one of ORDERS, with both `gain` and `iso`: a camera has one of them."""
    names = choice.split(",") if choice else ["exposure_us", "gain", "f_number"]
    return [one for name in names for one in (("gain", "iso") if name == "gain" else (name,))]


def order_choice(order: Sequence[str]) -> str:
    """The first of ORDERS that puts these settings in this order; the default one for an order of another kind."""
    found = (choice for choice in ORDERS if [name for name in order_names(choice) if name in order] == [*order])
    return next(found, "")


def parse_order(text: str) -> list[str]:
    """ValueError for an order that is none of ORDERS."""
    if text not in ORDERS:
        raise ValueError(text)
    return order_names(text)


def parse_kind(text: str) -> str:
    """ValueError for a kind that does not exist."""
    if text not in KINDS:
        raise ValueError(text)
    return text


def check_text(text: str) -> str:
    """ValueError for a text with a NUL, which PostgreSQL cannot store."""
    if "\0" in text:
        raise ValueError(text)
    return text


def parse_integer(text: str) -> int:
    """ValueError for a text that is not a whole number."""
    if not INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def parse_f_number(text: str) -> float:
    return parse_number(text.lower().removeprefix("f/"))


READERS: dict[str, Callable[[str], Any]] = {
    "exposure": parse_exposure,
    "wait": parse_duration,
    "count": parse_integer,
    "kind": parse_kind,
    "bracket": parse_bracket,
    "burst": parse_integer,
    "auto": parse_limits(parse_exposure),
    "target": parse_number,
    "measure": check_text,
    "percentile": parse_number,
    "gain_limits": parse_limits(parse_number),
    "iso_limits": parse_limits(parse_integer),
    "f_number_limits": parse_limits(parse_f_number),
    "order": parse_order,
    "damping": parse_number,
    "hysteresis": parse_number,
    "gain": parse_number,
    "iso": parse_integer,
    "f_number": parse_f_number,
    "format": check_text,
    "name": check_text,
}
