"""The form that starts a session. All that is wrong in it is said at once, in words, at its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pydantic
from django.utils import timezone

from cameras.models import Camera
from cameras.settings_form import number, range_of
from captures.gallery.days import station_site
from captures.requests import DELAY_S, EXPOSURE_US, F_NUMBER, LONGEST, SessionRequest
from core.durations import (
    NotADuration,
    NotAnExposure,
    exposure_readings,
    format_exposure,
    parse_duration,
    parse_exposure,
)
from core.moments import Moment, NotAMoment, Place, parse_moment

LABELS = {
    "exposure": "Exposure",
    "wait": "Wait",
    "count": "Frames",
    "until": "Until",
    "gain": "Gain",
    "iso": "ISO",
    "f_number": "Aperture",
    "format": "Format",
    "name": "Name",
}
"""In the order of the form."""
OF_CAMERA = ("gain", "iso", "f_number", "format")
"""What a camera may lack; one that has not said yet what it can is asked for all of it."""
OF_FIELD = {"exposure_us": "exposure", "delay_s": "wait", "cadence_s": "wait"}
CAMERAS_OWN = {"exposure": "exposure_us", "gain": "gain", "iso": "iso", "f_number": "f_number"}
WHOLE = re.compile(r"[0-9]{1,9}")
USUAL: dict[str, float] = {"exposure": EXPOSURE_US, "f_number": F_NUMBER}
RULES = {
    "exposure": "Write 8 s, 250 ms, 20 µs or 1/50 s; at most 3600 s.",
    "wait": "Write 0 s to 24 h, such as 12 s, 90 min or 2 h.",
    "cadence_s": "Write more than 0 s, at most 24 h, such as 12 s, 90 min or 2 h.",
    "count": "Write a whole number from 1 to 10 000 000, or leave it empty to continue until stopped.",
    "until": "Write 06:30, 2 h, 2026-11-22 06:30, dawn, sunrise, sunset or dusk.",
    "gain": "Write a number from 0 to 1000.",
    "iso": "Write a whole number from 1 to 10 000 000.",
    "f_number": "Write a number above 0, at most 128, such as 2.8.",
    "format": "Write at most 64 letters, digits and + . _ - ( ), such as raw or jpeg.",
    "name": "Write at most 120 characters.",
}
"""What is said of a value that breaks a rule of the request, where its field says nothing closer."""


@dataclass(slots=True)
class StartField:
    name: str
    label: str
    value: str
    error: str = ""
    first: bool = False
    """Whether it is the first that is wrong."""
    readings: list[str] = field(default_factory=list)
    """What an exposure without a unit may mean, to choose from."""
    choices: list[str] = field(default_factory=list)
    """The camera's own; another value may be written as well."""
    range: str = ""
    """What the camera can."""

    @property
    def ident(self) -> str:
        return f"start-{self.name}"


class StartForm:
    """`request` is what to start, None while something is to mend: then `errors` has a sentence for each such field.
    `until` is the end as it was understood."""

    def __init__(self, camera: Camera, data: Mapping[str, str] | None = None) -> None:
        self.camera = camera
        self.able: dict[str, dict[str, Any]] = camera.capabilities.get("settings", {})
        self.data: dict[str, str] = {name: text.strip() for name, text in (data or self._usual()).items()}
        self.errors: dict[str, str] = {}
        self.until: Moment | None = None
        self.request = self._read() if data is not None else None

    def _usual(self) -> dict[str, str]:
        """The configuration's, each as near as this camera comes to it."""
        near = {name: self._nearest(CAMERAS_OWN[name], value) for name, value in USUAL.items()}
        exposure, f_number = format_exposure(near["exposure"]), f"{near['f_number']:.10g}"
        return {"exposure": exposure, "wait": f"{DELAY_S:.10g} s", "from": "end", "f_number": f_number}

    def _nearest(self, name: str, value: float) -> float:
        limits = self.able.get(name, {})
        least, most = limits.get("minimum"), limits.get("maximum")
        value = value if most is None else min(value, most)
        return value if least is None else max(value, least)

    @property
    def names(self) -> list[str]:
        lacking = {name for name in OF_CAMERA if self.able and name not in self.able}
        return [name for name in LABELS if name not in lacking]

    @property
    def lacking(self) -> list[str]:
        """Labels of what this camera does not offer."""
        return [label for name, label in LABELS.items() if name not in self.names]

    @property
    def fields(self) -> dict[str, StartField]:
        return {name: self._field(name) for name in self.names}

    @property
    def given(self) -> dict[str, str]:
        """What was written, to be sent again."""
        return {name: self.data[name] for name in [*self.names, "from"] if self.data.get(name)}

    @property
    def from_start(self) -> bool:
        return self.data.get("from") == "start"

    @property
    def first_wrong(self) -> str:
        return next((name for name in LABELS if name in self.errors), "")

    @property
    def wrong(self) -> list[StartField]:
        return [found for found in self.fields.values() if found.error]

    @property
    def to_mend(self) -> int:
        return len(self.errors)

    @property
    def site(self) -> Place:
        site = station_site()
        return Place(site.latitude, site.longitude)

    @property
    def suggested_ends(self) -> list[str]:
        sun = ["dusk", "dawn", "sunrise", "sunset"] if None not in (self.site.latitude, self.site.longitude) else []
        return ["1 h", "8 h", "06:30", *sun]

    def _field(self, name: str) -> StartField:
        text, error = self.data.get(name, ""), self.errors.get(name, "")
        limits = self.able.get(CAMERAS_OWN.get(name, name), {})
        return StartField(
            name=name,
            label=LABELS[name],
            value=text,
            error=error,
            first=name == self.first_wrong,
            readings=exposure_readings(text) if name == "exposure" and error else [],
            choices=[str(choice) for choice in limits.get("choices") or ()] if name in OF_CAMERA else [],
            range=range_of(CAMERAS_OWN.get(name, name), limits),
        )

    def _read(self) -> SessionRequest | None:
        values = {name: self._value(name, READERS[name]) for name in self.names}
        if "until" not in self.errors:
            self.until = values["until"]
            values["until"] = self.until.at if self.until else None
            self._check_end()
        for name in CAMERAS_OWN:
            if values.get(name) is not None:
                self._check_range(name, float(values[name]))
        return self._requested(values)

    def _value(self, name: str, read: Callable[[StartForm, str], Any]) -> Any:
        text = self.data.get(name, "")
        if not text:
            return None
        try:
            return read(self, text)
        except (NotAnExposure, NotADuration, NotAMoment) as error:
            self.errors[name] = str(error)
        except ValueError:
            self.errors[name] = RULES[name]
        return None

    def _check_end(self) -> None:
        if self.until is None:
            return
        left, shown = self.until.at - timezone.now(), timezone.localtime(self.until.at)
        if left <= timedelta(0):
            self.errors["until"] = f"{shown:%Y-%m-%d %H:%M:%S} is over already. Write a later time."
        elif left > LONGEST:
            self.errors["until"] = "This is more than ten years ahead. Write an earlier time, or leave it empty."

    def _check_range(self, name: str, value: float) -> None:
        limits = self.able.get(CAMERAS_OWN[name], {})
        least, most = limits.get("minimum"), limits.get("maximum")
        if least is None or most is None or least <= value <= most:
            return
        self.errors.setdefault(name, f"{range_of(CAMERAS_OWN[name], limits)} on this camera.")

    def _requested(self, values: dict[str, Any]) -> SessionRequest | None:
        """What is wrong in several fields comes before what is wrong between them: a second look says that too."""
        values["cadence_s" if self.from_start else "delay_s"] = values.pop("wait")
        values["exposure_us"] = values.pop("exposure")
        given = {name: value for name, value in values.items() if value is not None and name not in self.errors}
        try:
            request = SessionRequest.model_validate(given)
        except pydantic.ValidationError as error:
            wrong = [str(item["loc"][0]) for item in error.errors() if item["loc"]]
            for name in wrong:
                of_field = OF_FIELD.get(name, name)
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


def readable(text: str) -> str:
    """ValueError with a NUL, which PostgreSQL does not store."""
    if "\0" in text:
        raise ValueError(text)
    return text


def whole(text: str) -> int:
    """ValueError for what is no whole number."""
    if not WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


def end(form: StartForm, text: str) -> Moment:
    """In the zone that the reader has chosen. NotAMoment."""
    return parse_moment(text, timezone.now(), timezone.get_current_timezone(), form.site)


READERS: dict[str, Callable[[StartForm, str], Any]] = {
    "exposure": lambda _, text: parse_exposure(text),
    "wait": lambda _, text: parse_duration(text),
    "count": lambda _, text: whole(text),
    "until": end,
    "gain": lambda _, text: number(text),
    "iso": lambda _, text: whole(text),
    "f_number": lambda _, text: number(text.lower().removeprefix("f/")),
    "format": lambda _, text: readable(text),
    "name": lambda _, text: readable(text),
}
