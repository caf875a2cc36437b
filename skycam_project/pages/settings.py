"""The page Settings and its form: the keys of the configuration that a manager can change while the station runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from captures.models import Clip
from captures.roots.models import StorageClass
from captures.roots.roots import assigned_root
from core.pages import WAS, Page, PageForm, UnitInput, message_response
from skycam_project.config.layers import from_text
from skycam_project.config.model import KEYS
from skycam_project.station_settings import PAGE, SettingBody, all_settings, change_settings, choices, is_number

TITLES = {
    "site": "Station and site",
    "camera_config": "Recording and cameras",
    "auto_recording_config": "Automatic recording",
    "archive_config": "Archives",
    "live_streaming_config": "Live view",
    "retention": "Retention",
}
GROUPS = {"station": "site"}
"""Section -> the group that shows it, where it has none of its own."""
UNITS = {"_minutes": "min", "_gb": "GB", "_kbit_s": "kbit/s", "_percent": "%", "_days": "days", "_s": "s"}
"""Suffix of a key -> the unit shown in its field."""
LABELS = {"max_kbit_s": "Max bit rate"}
"""Labels of keys whose name without the unit is unclear."""
SHORT = 3
"""A name with at most this many letters is an abbreviation, shown in capitals."""
BACK = "back"
"""The button that removes a value that was set here; its value is the key."""


class SettingField(forms.CharField):
    """A setting as text. The configuration's model checks the value, for the page as for programs."""

    def __init__(self, body: SettingBody) -> None:
        self.body = body
        super().__init__(
            label=label_of(body["key"]), required=False, widget=widget_of(body), initial=text_of(body["value"]),
            help_text=hint_of(body), show_hidden_initial=not body["fixed"],
        )  # fmt: skip

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
    """The fields that fold together: those of a section of the configuration, or of two."""

    name: str
    fields: list[BoundField]
    is_first: bool

    @property
    def title(self) -> str:
        return TITLES.get(self.name, self.name)

    @property
    def is_open(self) -> bool:
        return self.is_first or any(field.errors for field in self.fields)

    @property
    def note(self) -> str:
        """How many of its settings were set here; empty without any."""
        count = sum(isinstance(one.field, SettingField) and one.field.from_page for one in self.fields)
        return f"{count} set here" if count else ""


class StationSettingsForm(PageForm):
    """All settings. A browser sends those of one group; the others stay as they are."""

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields = {body["key"]: SettingField(body) for body in all_settings()}
        if data is not None:
            # Otherwise the form would take the fields of the other groups as emptied.
            unsent = {key: field.initial for key, field in self.fields.items() if f"{WAS}{key}" not in data}
            self.data = {**unsent, **data}

    @property
    def groups(self) -> list[Group]:
        found: dict[str, list[BoundField]] = {}
        for key in self.fields:
            section = key.partition(".")[0]
            found.setdefault(GROUPS.get(section, section), []).append(self[key])
        return [Group(name, fields, name == next(iter(found))) for name, fields in found.items()]

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that were edited; the service refuses those that are fixed or unknown by now. None removes the
        value that was set here."""
        if BACK in self.data:
            return {self.data[BACK]: None}
        # Compared with what this browser was shown, not with the current value: a field that was not edited does not
        # undo the change of another manager.
        was = {name.removeprefix(WAS): text.strip() for name, text in self.data.items() if name.startswith(WAS)}
        typed = {key: self.data.get(key, "").strip() for key in was}
        return {key: value_of(key, text) for key, text in typed.items() if text != was[key]}

    def save(self, actor: str) -> bool:
        """Change the settings; False when a value is refused, with `errors`, and then nothing is changed."""
        if not self.is_valid():
            return False
        try:
            change_settings(self.changes, actor)
        except ValidationError as error:
            self.add_errors(error)
        return not self.errors


def value_of(key: str, text: str) -> Any:
    parts = tuple(key.split("."))
    return from_text(parts, text) if text and parts in KEYS else text or None


def name_of(key: str) -> str:
    return key.partition(".")[2]


def ending_of(name: str) -> str:
    """The suffix that says the unit; empty without one."""
    return next((ending for ending in UNITS if name.endswith(ending)), "")


def label_of(key: str) -> str:
    name = name_of(key)
    if name in LABELS:
        return LABELS[name]
    words = name.removesuffix(ending_of(name)).replace("_", " ").replace(".", ", ")
    return words.upper() if len(name) <= SHORT else words.capitalize()


def hint_of(body: SettingBody) -> str:
    """`Meaning. What is allowed; default 23 (in use).`"""
    default = text_of(body["default"]) or body["unset"] or "empty"
    allowed = f"{body['allowed'][:1].upper()}{body['allowed'][1:]}"
    return f"{body['meaning']} {allowed}; default {default}{' (in use)' if body['origin'] == 'default' else ''}."


def widget_of(body: SettingBody) -> forms.Widget:
    key = body["key"]
    attrs: dict[str, Any] = {"id": f"set-{key.replace('.', '-')}"}
    if body["fixed"]:
        attrs["disabled"] = True
    if words := choices(key):
        return forms.Select(attrs, [(word, word) for word in words])
    attrs |= {"autocomplete": "off", "placeholder": body["unset"]}
    if is_number(key):
        attrs["inputmode"] = "decimal"
    unit = UNITS.get(ending_of(name_of(key)))
    return UnitInput(unit, attrs) if unit else forms.TextInput(attrs)


def text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    return f"{value:g}" if isinstance(value, float) and value == int(value) and abs(value) < 1e6 else str(value)


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


class StationSettingsPage(Page):
    roles = {"GET": "manager", "POST": "manager"}
    template = "settings.html"

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._form(StationSettingsForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = StationSettingsForm(request.POST.dict())
        if not form.save(self.actor):
            return self._form(form, 400)
        if form.changes:
            message_response(request, "ok", saved_sentence(form.changes))
        return redirect("station-settings")

    def _form(self, form: StationSettingsForm, status: int = 200) -> HttpResponse:
        return self.render({"form": form, "video": video_folder()}, status=status)


def saved_sentence(changes: Iterable[str]) -> str:
    runs = " Runs that have not begun are planned again within a minute." if any(map(is_site, changes)) else ""
    return f"Saved. All parts of the station use it within two seconds.{runs}"


def is_site(key: str) -> bool:
    return key.startswith("site.")
