"""The page of settings that a manager can change while the station runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from captures.models import Clip
from captures.storage.models import StorageClass
from captures.storage.roots import assigned_root
from core.pages.page import Page, message_response
from skycam_project.config.layers import from_text
from skycam_project.config.model import KEYS
from skycam_project.station_settings import PAGE, SettingBody, all_settings, change_settings, choices, is_number

TITLES = {"station": "Station", "camera_config": "Recording and cameras", "live_streaming_config": "Live view"}
UNITS = {"_minutes": "min", "_gb": "GB", "_kbit_s": "kbit/s", "_percent": "%", "_s": "s"}
"""Suffix of a key -> the unit shown in its field."""
LABELS = {"max_kbit_s": "Max bit rate"}
"""Labels of keys whose name without the unit is unclear."""
WAS = "was-"
"""Prefix of the hidden field with the value that the form showed. An equal value was not edited."""
SHORT = 3
"""A name with at most this many letters is an abbreviation, shown in capitals."""
BACK = "back"
"""The button that removes a value that was set here; its value is the key."""


@dataclass(slots=True)
class Field:
    """A setting in the form; `text` is its value as shown there."""

    body: SettingBody
    text: str
    error: str = ""

    @property
    def key(self) -> str:
        return self.body["key"]

    @property
    def ident(self) -> str:
        return self.key.replace(".", "-")

    @property
    def name(self) -> str:
        return self.key.partition(".")[2]

    @property
    def ending(self) -> str:
        return next((ending for ending in UNITS if self.name.endswith(ending)), "")

    @property
    def unit(self) -> str:
        return UNITS.get(self.ending, "")

    @property
    def label(self) -> str:
        if self.name in LABELS:
            return LABELS[self.name]
        words = self.name.removesuffix(self.ending).replace("_", " ").replace(".", ", ")
        return words.upper() if len(self.name) <= SHORT else words.capitalize()

    @property
    def stored(self) -> str:
        return text_of(self.body["value"])

    @property
    def default(self) -> str:
        return text_of(self.body["default"]) or self.body["unset"] or "empty"

    @property
    def choices(self) -> list[str]:
        return choices(self.key)

    @property
    def is_number(self) -> bool:
        return is_number(self.key)

    @property
    def from_page(self) -> bool:
        return self.body["origin"] == PAGE

    @property
    def unused(self) -> str:
        return text_of(self.body["unused"])

    @property
    def changed(self) -> datetime | None:
        return datetime.fromisoformat(self.body["changed"]) if self.body["changed"] else None


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    fields: list[Field]

    @property
    def title(self) -> str:
        return TITLES.get(self.name, self.name)

    @property
    def variable(self) -> str:
        return self.name.upper()


@dataclass(frozen=True, slots=True)
class VideoFolder:
    """Where this host's clips go: `path` is empty before its first start, `desired` where VIDEO_PATH is not
    followed."""

    host: str
    path: str
    clips: int
    origin: str
    desired: str


def video_folder() -> VideoFolder:
    station = settings.STATION
    root = assigned_root(station.host, StorageClass.CLIPS)
    path = root.path if root else ""
    desired = str(station.video_path.resolve()) if station.video_path else ""
    return VideoFolder(
        host=station.host,
        path=path,
        clips=Clip.objects.filter(root=root).count() if root else 0,
        origin=station.origin(("video_path",)),
        desired=desired if desired != path else "",
    )


def groups(typed: Mapping[str, str] | None = None, errors: Mapping[str, list[str]] | None = None) -> list[Group]:
    """The form's groups of fields, with typed values and error messages."""
    found: dict[str, list[Field]] = {}
    for body in all_settings():
        key = body["key"]
        text = (typed or {}).get(key, text_of(body["value"]))
        field = Field(body, text, " ".join((errors or {}).get(key, [])))
        found.setdefault(key.partition(".")[0], []).append(field)
    return [Group(name, fields) for name, fields in found.items()]


def text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    return f"{value:g}" if isinstance(value, float) and value == int(value) and abs(value) < 1e6 else str(value)


def changes_in(form: Mapping[str, str]) -> dict[str, Any]:
    """The fields that were edited; an emptied field removes the value that was set here."""
    typed = {tuple(name.split(".")): text.strip() for name, text in form.items() if f"{WAS}{name}" in form}
    touched = {key: text for key, text in typed.items() if text != form[f"{WAS}{'.'.join(key)}"].strip()}
    return {
        ".".join(key): from_text(key, text) if text and key in KEYS else text or None for key, text in touched.items()
    }


class StationSettingsPage(Page):
    roles = {"GET": "manager", "POST": "manager"}
    template = "settings.html"

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self.render({"groups": groups(), "video": video_folder()})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = {name: str(text) for name, text in request.POST.items()}
        changes = {form[BACK]: None} if BACK in form else changes_in(form)
        try:
            change_settings(changes, self.actor)
        except ValidationError as error:
            errors = error.message_dict
            found = {"groups": groups(form, errors), "faults": len(errors), "video": video_folder()}
            return self.render(found, status=400)
        if changes:
            message_response(request, "ok", "Saved. All parts of the station use it within two seconds.")
        return redirect("station-settings")
