"""The form that starts a session. All errors are shown at once, each at its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pydantic
from django.utils import timezone

from cameras.models import Camera
from cameras.settings.settings_form import parse_number, range_of
from captures.days.day import station_site
from captures.sessions.models import MAX_SESSION
from captures.sessions.requests import DELAY_S, EXPOSURE_US, F_NUMBER, SessionRequest
from core.times.durations import (
    InvalidDuration,
    InvalidExposure,
    exposure_readings,
    format_exposure,
    parse_bracket,
    parse_duration,
    parse_exposure,
)
from core.times.time_parsing import InvalidTime, Location, ParsedTime, parse_time

LABELS = {
    "exposure": "Exposure",
    "kind": "Kind",
    "bracket": "Bracket",
    "burst": "Burst",
    "wait": "Wait",
    "count": "Frames",
    "begin": "Begin",
    "until": "Until",
    "gain": "Gain",
    "iso": "ISO",
    "f_number": "Aperture",
    "format": "Format",
    "name": "Name",
}
"""In the order of the form."""
OPTIONAL_FIELDS = ("gain", "iso", "f_number", "format")
"""Fields that a camera may lack; while a camera's settings are unknown, all are shown."""
MORE_FIELDS = ("kind", "bracket", "burst", "begin")
"""Fields that most sessions do not need: shown when the form is opened further, or when one has a value."""
KINDS = {
    "interval": "one exposure each time",
    "bracket": "a bracket: several exposure times in a row",
    "burst": "a burst: equal exposures as fast as the camera can",
}
FIELD_OF_KEY = {
    "exposure_us": "exposure", "delay_s": "wait", "cadence_s": "wait", "exposures_us": "bracket", "ev_steps": "bracket",
    "windows": "begin",
}  # fmt: skip
SETTING_OF_FIELD = {"exposure": "exposure_us", "gain": "gain", "iso": "iso", "f_number": "f_number"}
INTEGER = re.compile(r"[0-9]{1,9}")  # not \d, which matches the digits of all scripts
DEFAULTS: dict[str, float] = {"exposure": EXPOSURE_US, "f_number": F_NUMBER}
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
    "gain": "Write a number from 0 to 1000.",
    "iso": "Write a whole number from 1 to 10 000 000.",
    "f_number": "Write a number above 0, at most 128, such as 2.8.",
    "format": "Write at most 64 letters, digits and + . _ - ( ), such as raw or jpeg.",
    "name": "Write at most 120 characters.",
}
"""The error of a field whose value is invalid, unless the field's parser has a more specific one."""


@dataclass(slots=True)
class StartField:
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

    @property
    def ident(self) -> str:
        return f"start-{self.name}"


class StartForm:
    """Our own form, not Django's: the camera's capabilities say which fields there are, their ranges and choices, and
    an exposure without a unit is answered with the exposures that it may mean.

    `request` is the session to start; None while the form has errors: `errors` then has a sentence for each field.
    `until` is the parsed end."""

    def __init__(self, camera: Camera, data: Mapping[str, str] | None = None) -> None:
        self.camera = camera
        self.ranges: dict[str, dict[str, Any]] = camera.capabilities.get("settings", {})
        self.data: dict[str, str] = {name: text.strip() for name, text in (data or self._defaults()).items()}
        self.errors: dict[str, str] = {}
        self.until: ParsedTime | None = None
        self.request = self._read() if data is not None else None

    def _defaults(self) -> dict[str, str]:
        """The configured values, each limited to the camera's range."""
        near = {name: self._nearest(SETTING_OF_FIELD[name], value) for name, value in DEFAULTS.items()}
        exposure, f_number = format_exposure(near["exposure"]), f"{near['f_number']:.10g}"
        return {"exposure": exposure, "wait": f"{DELAY_S:.10g} s", "from": "end", "f_number": f_number}

    def _nearest(self, name: str, value: float) -> float:
        limits = self.ranges.get(name, {})
        least, most = limits.get("minimum"), limits.get("maximum")
        value = value if most is None else min(value, most)
        return value if least is None else max(value, least)

    @property
    def names(self) -> list[str]:
        lacking = {name for name in OPTIONAL_FIELDS if self.ranges and name not in self.ranges}
        return [name for name in LABELS if name not in lacking]

    @property
    def lacking(self) -> list[str]:
        """Labels of the fields that this camera lacks."""
        return [label for name, label in LABELS.items() if name not in self.names]

    @property
    def fields(self) -> dict[str, StartField]:
        return {name: self._field(name) for name in self.names}

    @property
    def given(self) -> dict[str, str]:
        """The form's values, to be submitted again."""
        return {name: self.data[name] for name in [*self.names, "from"] if self.data.get(name)}

    @property
    def kinds(self) -> dict[str, str]:
        return KINDS

    @property
    def kind(self) -> str:
        return self.data.get("kind") or "interval"

    @property
    def shows_more(self) -> bool:
        """Whether one of MORE_FIELDS has a value or an error."""
        changed = any(self.data.get(name) for name in MORE_FIELDS if name != "kind") or self.kind != "interval"
        return changed or any(name in self.errors for name in MORE_FIELDS)

    @property
    def from_start(self) -> bool:
        return self.data.get("from") == "start"

    @property
    def first_invalid(self) -> str:
        return next((name for name in LABELS if name in self.errors), "")

    @property
    def wrong(self) -> list[StartField]:
        return [found for found in self.fields.values() if found.error]

    @property
    def error_count(self) -> int:
        return len(self.errors)

    @property
    def site(self) -> Location:
        site = station_site()
        return Location(site.latitude, site.longitude)

    @property
    def suggested_ends(self) -> list[str]:
        sun = ["dusk", "dawn", "sunrise", "sunset"] if None not in (self.site.latitude, self.site.longitude) else []
        return ["1 h", "8 h", "06:30", *sun]

    def _field(self, name: str) -> StartField:
        text, error = self.data.get(name, ""), self.errors.get(name, "")
        limits = self.ranges.get(SETTING_OF_FIELD.get(name, name), {})
        return StartField(
            name=name,
            label=LABELS[name],
            value=text,
            error=error,
            first=name == self.first_invalid,
            readings=exposure_readings(text) if name == "exposure" and error else [],
            choices=[str(choice) for choice in limits.get("choices") or ()] if name in OPTIONAL_FIELDS else [],
            range=range_of(SETTING_OF_FIELD.get(name, name), limits),
        )

    def _read(self) -> SessionRequest | None:
        values = {name: self._value(name, READERS[name]) for name in self.names}
        if "until" not in self.errors:
            self.until = values["until"]
            values["until"] = self.until.at if self.until else None
            self._check_end()
        self._read_window(values)
        self._read_kind(values)
        for name in SETTING_OF_FIELD:
            if values.get(name) is not None:
                self._check_range(name, float(values[name]))
        return self._requested(values)

    def _value(self, name: str, read: Callable[[StartForm, str], Any]) -> Any:
        text = self.data.get(name, "")
        if not text:
            return None
        try:
            return read(self, text)
        except (InvalidExposure, InvalidDuration, InvalidTime) as error:
            self.errors[name] = str(error)
        except ValueError:
            self.errors[name] = RULES[name]
        return None

    def _read_window(self, values: dict[str, Any]) -> None:
        """A session with a begin has one window, from there to its end."""
        begin: ParsedTime | None = values.pop("begin")
        if begin is None:
            return
        end, shown = values.pop("until"), timezone.localtime(begin.at)
        if end is None:
            self.errors.setdefault("until", "Write when the session ends as well: it has a begin.")
        elif end <= begin.at:
            self.errors["begin"] = f"{shown:%Y-%m-%d %H:%M:%S} is after the end. Write an earlier time, or none."
        else:
            values["windows"] = [(begin.at, end)]

    def _read_kind(self, values: dict[str, Any]) -> None:
        """The fields of other kinds are ignored: the form shows all of them."""
        bracket, burst = values.pop("bracket"), values.pop("burst")
        kind = values.get("kind") or "interval"
        if kind == "bracket":
            values |= bracket or {}
            self._need("bracket", bracket)
        elif kind == "burst":
            values["burst"] = burst
            self._need("burst", burst)

    def _need(self, name: str, value: Any) -> None:
        if value is None:
            self.errors.setdefault(name, RULES[name])

    def _check_end(self) -> None:
        if self.until is None:
            return
        left, shown = self.until.at - timezone.now(), timezone.localtime(self.until.at)
        if left <= timedelta(0):
            self.errors["until"] = f"{shown:%Y-%m-%d %H:%M:%S} is over already. Write a later time."
        elif left > MAX_SESSION:
            self.errors["until"] = "This is more than ten years ahead. Write an earlier time, or leave it empty."

    def _check_range(self, name: str, value: float) -> None:
        limits = self.ranges.get(SETTING_OF_FIELD[name], {})
        least, most = limits.get("minimum"), limits.get("maximum")
        if least is None or most is None or least <= value <= most:
            return
        self.errors.setdefault(name, f"{range_of(SETTING_OF_FIELD[name], limits)} on this camera.")

    def _requested(self, values: dict[str, Any]) -> SessionRequest | None:
        """Validate all fields. Rules between fields are checked again without the invalid fields, so that all errors
        are shown."""
        values["cadence_s" if self.from_start else "delay_s"] = values.pop("wait")
        values["exposure_us"] = values.pop("exposure")
        given = {name: value for name, value in values.items() if value is not None and name not in self.errors}
        try:
            request = SessionRequest.model_validate(given)
        except pydantic.ValidationError as error:
            wrong = [str(item["loc"][0]) for item in error.errors() if item["loc"]]
            for name in wrong:
                of_field = FIELD_OF_KEY.get(name, name)
                # The error of the field's own parser is more specific and stays.
                self.errors.setdefault(of_field, RULES.get(name) or RULES[of_field])
            self._check_between({name: value for name, value in given.items() if name not in wrong})
            return None
        self._check_between(given)
        return None if self.errors else request

    def _check_between(self, given: dict[str, Any]) -> None:
        cadence_s, exposure_us = given.get("cadence_s"), given.get("exposure_us", EXPOSURE_US)
        if "exposure" in self.errors or cadence_s is None:
            return
        if cadence_s * 1e6 < exposure_us:
            longer = f"shorter than the exposure of {format_exposure(exposure_us)}"
            self.errors.setdefault("wait", f"{self.data['wait']} from start to start is {longer}. Write a longer one.")


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


def parse_moment(form: StartForm, text: str) -> ParsedTime:
    """A time in the reader's time zone. NotAMoment."""
    return parse_time(text, timezone.now(), timezone.get_current_timezone(), form.site)


READERS: dict[str, Callable[[StartForm, str], Any]] = {
    "exposure": lambda _, text: parse_exposure(text),
    "wait": lambda _, text: parse_duration(text),
    "count": lambda _, text: parse_integer(text),
    "kind": lambda _, text: parse_kind(text),
    "bracket": lambda _, text: parse_bracket(text),
    "burst": lambda _, text: parse_integer(text),
    "begin": parse_moment,
    "until": parse_moment,
    "gain": lambda _, text: parse_number(text),
    "iso": lambda _, text: parse_integer(text),
    "f_number": lambda _, text: parse_number(text.lower().removeprefix("f/")),
    "format": lambda _, text: check_text(text),
    "name": lambda _, text: check_text(text),
}
