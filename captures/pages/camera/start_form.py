"""The form that starts a session, with those options of the camera's driver that are choices, or yes or no; the other
types are for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from cameras.capture_options import declared_options
from cameras.drivers.options import Option, option_errors, parse_options
from cameras.models import Camera
from captures.days import station_site
from captures.pages.camera.programme_form import LABELS, READERS, SETTING_OF_FIELD, ProgrammeForm
from captures.sessions.models import MAX_SESSION
from captures.sessions.requests import DELAY_S, EXPOSURE_US, F_NUMBER
from core.times.durations import format_exposure
from core.times.time_parsing import Location, ParsedTime, parse_time

TIMES = {"begin": "Begin", "until": "Until"}
DEFAULTS: dict[str, float] = {"exposure": EXPOSURE_US, "f_number": F_NUMBER}


def with_times(labels: Mapping[str, str]) -> dict[str, str]:
    """The times of a session stand behind its number of frames, and its name is the last field."""
    names = list(labels)
    behind = names.index("count") + 1
    return {
        **{name: labels[name] for name in names[:behind]}, **TIMES, **{name: labels[name] for name in names[behind:]},
        "name": "Name",
    }  # fmt: skip


class StartForm(ProgrammeForm):
    """`until` is the parsed end."""

    labels = with_times(LABELS)
    more_fields = (*ProgrammeForm.more_fields, "begin")

    def __init__(self, camera: Camera, data: Mapping[str, str] | None = None) -> None:
        self.camera = camera
        self.until: ParsedTime | None = None
        self._declared = declared_options(camera)
        ranges: dict[str, dict[str, Any]] = camera.capabilities.get("settings", {})
        super().__init__(ranges, data or self._defaults(ranges), read=data is not None)

    @staticmethod
    def _defaults(ranges: Mapping[str, dict[str, Any]]) -> dict[str, str]:
        """The configured values, each limited to the camera's range."""
        near = {name: _nearest(ranges.get(SETTING_OF_FIELD[name], {}), value) for name, value in DEFAULTS.items()}
        exposure, f_number = format_exposure(near["exposure"]), f"{near['f_number']:.10g}"
        return {"exposure": exposure, "wait": f"{DELAY_S:.10g} s", "from": "end", "f_number": f_number}

    @property
    def options(self) -> list[OptionField]:
        return option_fields(self._declared, self.data, self.errors)

    @property
    def given(self) -> dict[str, str]:
        return {**super().given, **{one.name: one.value for one in self.options if one.value}}

    @property
    def site(self) -> Location:
        site = station_site()
        return Location(site.latitude, site.longitude)

    @property
    def suggested_ends(self) -> list[str]:
        sun = ["dusk", "dawn", "sunrise", "sunset"] if None not in (self.site.latitude, self.site.longitude) else []
        return ["1 h", "8 h", "06:30", *sun]

    def _reader(self, name: str) -> Callable[[str], Any]:
        return self._parse_moment if name in TIMES else READERS[name]

    def _parse_moment(self, text: str) -> ParsedTime:
        """A time in the reader's time zone. InvalidTime."""
        return parse_time(text, timezone.now(), timezone.get_current_timezone(), self.site)

    def _read_times(self, values: dict[str, Any]) -> None:
        if "until" not in self.errors:
            self.until = values["until"]
            values["until"] = self.until.at if self.until else None
            self._check_end()
        self._read_window(values)

    def _read_options(self, values: dict[str, Any]) -> None:
        options, errors = read_options(self._declared, self.data)
        values["options"] = options or None
        self.errors |= errors

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

    def _check_end(self) -> None:
        if self.until is None:
            return
        left, shown = self.until.at - timezone.now(), timezone.localtime(self.until.at)
        if left <= timedelta(0):
            self.errors["until"] = f"{shown:%Y-%m-%d %H:%M:%S} is over already. Write a later time."
        elif left > MAX_SESSION:
            self.errors["until"] = "This is more than ten years ahead. Write an earlier time, or leave it empty."


def _nearest(limits: Mapping[str, Any], value: float) -> float:
    least, most = limits.get("minimum"), limits.get("maximum")
    value = value if most is None else min(value, most)
    return value if least is None else max(value, least)


PREFIX = "option."
BOOLEANS = {"true": "yes", "false": "no"}


@dataclass(frozen=True, slots=True)
class OptionField:
    """`choices` are the values of the form, with their words; without one of them the default applies."""

    name: str
    label: str
    help: str
    default: str
    value: str
    choices: dict[str, str]
    error: str

    @property
    def ident(self) -> str:
        return f"start-option-{self.name.removeprefix(PREFIX)}"


def simple_options(declared: Mapping[str, Option]) -> dict[str, Option]:
    return {name: option for name, option in declared.items() if option.type in ("choices", "boolean")}


def option_fields(
    declared: Mapping[str, Option], data: Mapping[str, str], errors: Mapping[str, str]
) -> list[OptionField]:
    return [_option_field(f"{PREFIX}{name}", option, data, errors) for name, option in simple_options(declared).items()]


def _option_field(name: str, option: Option, data: Mapping[str, str], errors: Mapping[str, str]) -> OptionField:
    choices = BOOLEANS if option.type == "boolean" else {choice: choice for choice in option.choices}
    default = BOOLEANS[str(option.default).lower()] if isinstance(option.default, bool) else option.default
    return OptionField(
        name=name,
        label=option.label,
        help=option.help,
        default=f"{default} (default)" if default else "the camera's own",
        value=data.get(name, ""),
        choices=choices,
        error=errors.get(name, ""),
    )


def read_options(declared: Mapping[str, Option], data: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The options that were chosen, and a sentence for each wrong one, by the name of its field."""
    simple = simple_options(declared)
    options = parse_options(simple, [(name, text) for name in simple if (text := data.get(f"{PREFIX}{name}", ""))])
    errors = option_errors(simple, options)
    return options, {f"{PREFIX}{name}": sentence for name, sentence in errors.items()}
