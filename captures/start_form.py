"""The small form that starts a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from cameras.models import Camera
from cameras.settings_form import microseconds, number
from captures.requests import DELAY_S, EXPOSURE_US, F_NUMBER, SessionRequest
from monitoring.templatetags.skycam import exposure

FIELDS = ("name", "exposure", "wait", "count", "until", "gain", "iso", "f_number")
OF_FIELD = {"exposure_us": "exposure", "delay_s": "wait", "cadence_s": "wait"}
DEFAULTS = {"exposure": exposure(EXPOSURE_US), "wait": f"{DELAY_S:.10g}", "from": "end", "f_number": f"{F_NUMBER:.10g}"}


class StartForm:
    """`request` is what to start, None while something is to mend; `errors` has a sentence for each such field."""

    def __init__(self, camera: Camera, data: Mapping[str, str] | None = None) -> None:
        self.camera = camera
        self.has = frozenset(camera.capabilities.get("settings", {}))
        self.data: dict[str, str] = {name: text.strip() for name, text in (data or DEFAULTS).items()}
        self.errors: dict[str, str] = {}
        self.request = self._read() if data is not None else None

    def _read(self) -> SessionRequest | None:
        readers = {
            "name": storable,
            "exposure": microseconds,
            "wait": number,
            "count": int,
            "until": local_time,
            "gain": number,
            "iso": int,
            "f_number": number,
        }
        values = {name: self._value(name, read) for name, read in readers.items()}
        return None if self.errors else self._checked(values)

    def _value(self, name: str, read: Any) -> Any:
        text = self.data.get(name, "")
        if not text:
            return None
        try:
            return read(text)
        except ValueError:
            self.errors[name] = WRONG[name]
            return None

    def _checked(self, values: dict[str, Any]) -> SessionRequest | None:
        from_start = self.data.get("from") == "start"
        values["cadence_s" if from_start else "delay_s"] = values.pop("wait")
        values["exposure_us"] = values.pop("exposure")
        given = {name: value for name, value in values.items() if value is not None}
        if "f_number" not in self.has:
            given.pop("f_number", None)
        try:
            return SessionRequest.model_validate(given)
        except pydantic.ValidationError as error:
            for item in error.errors():
                name = str(item["loc"][0]) if item["loc"] else "wait"
                self.errors[OF_FIELD.get(name, name)] = item["msg"].removeprefix("Value error, ")
            return None


WRONG = {
    "name": "A name without the character NUL.",
    "exposure": "A time such as 8 s, 250 ms or 1/30 s.",
    "wait": "A number of seconds.",
    "count": "A whole number, or empty for until it is stopped.",
    "until": "A date and a time.",
    "gain": "A number.",
    "iso": "A whole number.",
    "f_number": "A number such as 2.8.",
}


def storable(text: str) -> str:
    """ValueError with a NUL, which PostgreSQL does not store."""
    if "\0" in text:
        raise ValueError(text)
    return text


def local_time(text: str) -> Any:
    """An aware time from one without a zone, in the zone that the reader has chosen. ValueError."""
    found = parse_datetime(text)
    if found is None:
        raise ValueError(text)
    return found if timezone.is_aware(found) else timezone.make_aware(found)
