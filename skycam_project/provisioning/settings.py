"""Keys of the file's sections: those of the Settings page are stored, all others are read when a station starts."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from core.station_settings import values
from core.station_settings.values import value_at as section_value
from skycam_project.config.config_file import ConfigFile
from skycam_project.config.described_lists import LISTS
from skycam_project.config.keys import Key
from skycam_project.config.redaction import redacted
from skycam_project.config.writing import value_at
from skycam_project.provisioning.plan import FieldChange, NotApplied

AT_START = (
    "because it is read when a station starts (set it in the station's own file, or start the station with this one)"
)


def plan_settings(file: ConfigFile) -> tuple[list[FieldChange], dict[str, Any], list[NotApplied]]:
    """The keys of the Settings page that change, what to store for them (None: the file of the station says it), and
    the keys that cannot be stored."""
    changes: list[FieldChange] = []
    stored: dict[str, Any] = {}
    not_applied: list[NotApplied] = []
    for key in file.given:
        if key[0] in LISTS:
            continue
        name = ".".join(key)
        if not is_on_page(key):
            not_applied += _at_start(file, key, name)
            continue
        old, new = section_value(values.section(key[0]), key), section_value(getattr(file.config, key[0]), key)
        if old == new:
            continue
        if key in settings.STATION.fixed:
            origin = settings.STATION.origin(key)
            # In the station's own file: its site.
            is_own = origin == file.given[key].where
            message = AT_START if is_own else f"because {origin} overrides what is stored"
            not_applied.append(NotApplied(name, old, new, message))
            continue
        changes.append(FieldChange(name, old, new))
        stored[name] = None if section_value(getattr(settings.STATION, key[0]), key) == new else new
    return changes, stored, not_applied


def is_on_page(key: Key) -> bool:
    return key[0] in values.SECTIONS and key in values.fields(key[0])


def _at_start(file: ConfigFile, key: Key, name: str) -> list[NotApplied]:
    station, origin = settings.STATION, settings.STATION.origin(key)
    # In the station's own file the value is the one in effect, also where it was completed.
    if origin == file.given[key].where or value_at(station, key) == value_at(file.config, key):
        return []
    old, new = redacted(key, value_at(station, key)), redacted(key, value_at(file.config, key))
    overrides = key in station.fixed
    message = f"because {origin} overrides the file" if overrides else AT_START
    return [NotApplied(name, old, new, message)]
