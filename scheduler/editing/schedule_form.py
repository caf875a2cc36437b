"""The form of a schedule. Its values become a `ScheduleRequest`, which alone decides what is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import QueryDict
from pydantic import ValidationError

from cameras.settings.settings_form import parse_number
from captures.pages.camera.programme_form import CONTROL_FIELDS, ProgrammeForm, order_choice, parse_integer
from captures.sessions.forecast import length
from core.api.model import describe_error
from core.resources.sentences import title_of
from core.times.durations import InvalidDuration, format_exposure, parse_offset
from scheduler.editing.templates import TEMPLATES, USUAL
from scheduler.schedules.descriptions import OF_TWILIGHT, ScheduleProgramme
from scheduler.schedules.models import WEEKDAYS
from scheduler.schedules.resource import TWILIGHTS, ClockWindow, MoonRequest, ScheduleRequest, SunWindow

PARTS = {"window": (SunWindow, ClockWindow), "moon": (MoonRequest,)}
"""Field of a schedule -> what is asked for in its place."""


def labels() -> dict[str, str]:
    """In the order of the form."""
    found = {}
    for name, about in ScheduleRequest.model_fields.items():
        if name not in ("programme", "moon"):
            found[name] = title_of(name, about)
        for part in PARTS.get(name, ()):
            found |= {one.removesuffix("_s"): title_of(one, asked) for one, asked in part.model_fields.items()}
    return {**found, "degrees": "Degrees"}


WINDOWS = {"sun": "by the Sun", "clock": "by the clock"}
SUNS = {
    "sunset": "the horizon (sunset)",
    "civil": "-6° (civil twilight ends)",
    "nautical": "-12° (nautical twilight ends)",
    "astronomical": "-18° (astronomically dark)",
    "degrees": "another altitude",
}
ON_HELD = {"wait": "wait until it is free", "take_over": "take it over"}
"""What a run does at its begin while a user holds the camera -> how the form says it."""
DAYS = dict(zip(WEEKDAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
MORE = (
    "begin_offset",
    "end_offset",
    "max_phase",
    "max_altitude",
    "weekdays",
    "first_night",
    "last_night",
    "priority",
    "on_held",
)
"""Fields that most schedules do not need."""
RULES = {
    "name": "Write a name of 1 to 60 characters.",
    "cameras": "Choose at least one camera.",
    "begin": "Write a time such as 20:00.",
    "end": "Write a time such as 05:00.",
    "first_night": "Write a date such as 2027-03-01.",
    "last_night": "Write a date such as 2027-03-01.",
}
"""Where the API's words are for programs."""
BETWEEN = {"last_night": "It is before the first night."}
"""Field -> the rule between it and others."""
LEFT = "left"
NUMBER_RULE = "Write a number."
INTEGER_RULE = "Write a whole number."


class ScheduleProgrammeForm(ProgrammeForm):
    request_type = ScheduleProgramme
    ids = "schedule-%s"

    @property
    def shows_details(self) -> bool:
        """Whether a folded field has a value that is not usual, or an error."""
        others = self._is_used(("count", "options")) or self.uses["camera_fields"]
        return others or self.shows_more or not self.from_start

    @property
    def options(self) -> str:
        """The options of each capture, as JSON. Only programs set them; the form keeps them, and can only remove
        them."""
        return "" if self.data.get("without_options") else self.data.get("options", "")

    def _read_own(self, values: dict[str, Any]) -> None:
        if self.options:
            # A text is no JSON object: the request has the sentence.
            values["options"] = json_or_text(self.options)


@dataclass(frozen=True, slots=True)
class FormField:
    name: str
    label: str
    value: str
    error: str = ""
    first: bool = False
    """Whether it is the first field with an error."""

    @property
    def ident(self) -> str:
        return f"schedule-{self.name}"


class ScheduleForm:
    """`request` is the schedule as it was written; None while the form has errors: `errors` and those of `programme`
    then have a sentence for each field. `version` is of the schedule that the form showed."""

    labels: ClassVar[Mapping[str, str]] = labels()
    windows: ClassVar[Mapping[str, str]] = WINDOWS
    suns: ClassVar[Mapping[str, str]] = SUNS
    days: ClassVar[Mapping[str, str]] = DAYS
    held_choices: ClassVar[Mapping[str, str]] = ON_HELD

    def __init__(self, data: QueryDict | None = None, shown: Mapping[str, Any] | None = None) -> None:
        """`data` was sent; without it the form shows `shown`, by default the usual template."""
        values: Mapping[str, Any] = data.dict() if data is not None else shown or TEMPLATES[USUAL].values
        self.data = {name: value.strip() for name, value in values.items() if isinstance(value, str)}
        self.cameras: list[str] = data.getlist("cameras") if data is not None else list(values.get("cameras", ()))
        self.weekdays: list[str] = data.getlist("weekdays") if data is not None else list(values.get("weekdays", ()))
        self.version = self.data.get("version", "")
        self.errors: dict[str, str] = {}
        self.programme = ScheduleProgrammeForm({}, self.data, read=data is not None)
        self.request = self._read() if data is not None else None

    @property
    def fields(self) -> dict[str, FormField]:
        return {
            name: FormField(name, label, self.data.get(name, ""), self.errors.get(name, ""), name == self.first_invalid)
            for name, label in self.labels.items()
        }

    @property
    def first_invalid(self) -> str:
        return next((name for name in self.labels if name in self.errors), "")

    @property
    def window(self) -> str:
        return "clock" if self.data.get("window") == "clock" else "sun"

    @property
    def enabled(self) -> bool:
        return bool(self.data.get("enabled"))

    @property
    def leaves_aperture(self) -> bool:
        """Whether the schedule leaves the aperture as it is on the camera. Only programs can say so: without a value, a
        new schedule has the default aperture."""
        return self.data.get("aperture") == LEFT

    @property
    def shows_more(self) -> bool:
        """Whether one of MORE has a value that is not usual, or an error."""
        values = {
            **self.data, "weekdays": self.weekdays, "priority": self.data.get("priority", "").strip("0"),
            "on_held": self.data.get("on_held", "") not in ("", "wait"),
        }  # fmt: skip
        return any(values.get(name) or name in self.errors for name in MORE)

    @property
    def shows_when(self) -> bool:
        """Whether a rule of the nights has a value that is not usual, or an error."""
        wrong = self.errors.keys() - {"name", "cameras"}
        return self.shows_more or bool(wrong) or not self.enabled

    @property
    def when(self) -> str:
        """`while it is astronomically dark`; empty while the window is not complete."""
        begin, end, sun = (self.data.get(name, "") for name in ("begin", "end", "sun"))
        if self.window == "clock":
            return f"from {begin} to {end}" if begin and end else ""
        degrees = self.data.get("degrees")
        return OF_TWILIGHT.get(sun) or (f"while the Sun is below {degrees}°" if degrees else "")

    @property
    def error_count(self) -> int:
        return len(self.errors) + len(self.programme.errors)

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """Label and error of each field with an error."""
        own = [(label, self.errors[name]) for name, label in self.labels.items() if name in self.errors]
        return own + [(field.label, field.error) for field in self.programme.wrong]

    def add_errors(self, errors: Mapping[str, list[str]]) -> None:
        """Those that the service found."""
        for name, sentences in errors.items():
            field = "cameras" if name.startswith("programme.options") else name
            self.errors.setdefault(field if field in self.labels else "name", " ".join(sentences))

    def _read(self) -> ScheduleRequest | None:
        programme = self.programme.request
        given = programme.model_dump(mode="json", exclude_unset=True) if programme else {}
        if self.leaves_aperture and programme:
            given.setdefault("f_number", None)
        wanted: dict[str, Any] = {name: self.data[name] for name in ScheduleRequest.model_fields if self.data.get(name)}
        wanted |= {"cameras": self.cameras, "weekdays": self.weekdays, "enabled": self.enabled}
        wanted |= {"programme": given, "window": self._window(), "moon": self._moon()}
        wanted["priority"] = self._value("priority", parse_signed, INTEGER_RULE) or 0
        try:
            request = ScheduleRequest.model_validate(wanted)
        except ValidationError as error:
            for item in error.errors():
                self._add_error(item)
            return None
        return None if self.error_count else request

    def _window(self) -> dict[str, Any]:
        if self.window == "clock":
            return {"begin": self.data.get("begin", ""), "end": self.data.get("end", "")}
        offsets = {f"{name}_s": self._value(name, parse_offset, "") for name in ("begin_offset", "end_offset")}
        name = self.data.get("sun", "")
        sun = self._value("degrees", parse_number, NUMBER_RULE) if name == "degrees" else name
        if sun is None:
            self.errors.setdefault("degrees", "Write the altitude in degrees, such as -15.")
            sun = 0.0
        return {"sun": sun, **{key: value for key, value in offsets.items() if value is not None}}

    def _moon(self) -> dict[str, Any] | None:
        values = {name: self._value(name, parse_number, NUMBER_RULE) for name in ("max_phase", "max_altitude")}
        return {name: value for name, value in values.items() if value is not None} or None

    def _value(self, name: str, read: Callable[[str], Any], rule: str) -> Any:
        text = self.data.get(name, "")
        if not text:
            return None
        try:
            return read(text)
        except InvalidDuration as error:
            self.errors[name] = str(error)
        except ValueError:
            self.errors[name] = rule
        return None

    def _add_error(self, item: Any) -> None:
        """In the words of the API. The error of the field's own parser is more specific and stays."""
        place = [str(part) for part in item["loc"]]
        field = self._field_of(place, str(item["msg"]))
        # A rule between fields has no place, and its sentence names them.
        rule = RULES.get(field) if place else BETWEEN.get(field)
        self.errors.setdefault(field, rule or capitalised(describe_error(item)))

    def _field_of(self, place: list[str], message: str) -> str:
        if not place:
            return "last_night" if "last_night" in message else "name"
        if place[0] == "window":
            field = place[2].removesuffix("_s") if len(place) > 2 else "window"
            return "degrees" if field == "sun" and self.data.get("sun") == "degrees" else field
        if place[0] == "moon":
            return place[1] if len(place) > 1 and place[1] in self.labels else "max_phase"
        return place[0] if place[0] in self.labels else "name"


def shown_values(body: Mapping[str, Any], version: str) -> dict[str, Any]:
    """What the form of a schedule shows."""
    moon = {name: number_text((body["moon"] or {}).get(name)) for name in MoonRequest.model_fields}
    plain = {name: plain_text(value) for name, value in body.items() if name not in ("programme", *PARTS)}
    return {"version": version, **plain, **moon, **window_values(body["window"]), **programme_values(body["programme"])}


def plain_text(value: Any) -> Any:
    """A list stays one."""
    if isinstance(value, bool):
        return "on" if value else ""
    return value if isinstance(value, list) else "" if value is None else str(value)


def window_values(window: Mapping[str, Any]) -> dict[str, str]:
    if "sun" not in window:
        # What an older version stored may lack one of them: the form is where it is corrected.
        return {"window": "clock", "begin": str(window.get("begin", "")), "end": str(window.get("end", ""))}
    name = next((name for name, altitude in TWILIGHTS.items() if altitude == window["sun"]), "degrees")
    return {
        "window": "sun",
        "sun": name,
        "degrees": number_text(window["sun"]) if name == "degrees" else "",
        "begin_offset": offset_text(window.get("begin_offset_s")),
        "end_offset": offset_text(window.get("end_offset_s")),
    }


def programme_values(programme: Mapping[str, Any]) -> dict[str, str]:
    """The texts from which the form reads the same programme again."""
    cadence_s, delay_s, control = programme.get("cadence_s"), programme.get("delay_s"), programme.get("control")
    wait_s = cadence_s if cadence_s is not None else delay_s
    exposure_us = programme.get("exposure_us")
    return {
        "exposure": "" if exposure_us is None else format_exposure(exposure_us),
        "kind": programme.get("kind", ""),
        "bracket": bracket_text(programme),
        "burst": number_text(programme.get("burst")),
        "wait": "" if wait_s is None else length(wait_s),
        "from": "start" if cadence_s is not None else "end",
        "format": programme.get("format") or "",
        "aperture": LEFT if programme.get("f_number", "") is None else "",
        **{name: number_text(programme.get(name)) for name in ("count", "gain", "iso", "f_number")},
        "options": json.dumps(programme["options"]) if programme.get("options") else "",
        **(control_values(control) if isinstance(control, Mapping) else {}),
    }


def json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def control_values(control: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: CONTROL_TEXTS.get(key, number_text)(control[key])
        for key, name in CONTROL_FIELDS.items()
        if control.get(key) is not None
    }


def limits_text(pair: list[float]) -> str:
    return " - ".join(number_text(value) for value in pair)


CONTROL_TEXTS: dict[str, Callable[[Any], str]] = {
    "exposure_us": lambda pair: " - ".join(format_exposure(value) for value in pair),
    "gain": limits_text,
    "iso": limits_text,
    "f_number": limits_text,
    "order": order_choice,
    "measure": str,
    "mask": str,
}


def bracket_text(programme: Mapping[str, Any]) -> str:
    if programme.get("exposures_us"):
        return ", ".join(format_exposure(value) for value in programme["exposures_us"])
    steps = programme.get("ev_steps")
    return f"{', '.join(number_text(step) for step in steps)} EV" if steps else ""


def number_text(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def offset_text(seconds: float | None) -> str:
    if not seconds:
        return ""
    return f"-{length(-seconds)}" if seconds < 0 else length(seconds)


def parse_signed(text: str) -> int:
    """ValueError for a text that is not a whole number."""
    return -parse_integer(text[1:]) if text.startswith("-") else parse_integer(text)


def capitalised(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"
