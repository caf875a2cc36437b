"""Keys of the configuration that can be changed while the station runs, for pages, API and command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict, get_args

from django.conf import settings
from django.db import transaction

from core import station_settings
from core.events.service import record_event
from core.station_settings import Key, SettingChange, StationSetting, store_changes, value_at
from core.times.timestamps import stamp
from skycam_project.config.model import KEYS, key_option, variable_of

PAGE = "page"


class SettingBody(TypedDict):
    """`value` is in effect, and `origin` says where it was set: `default`, `page`, a file's line, or a variable. A
    `fixed` key can be changed only there. `unused` is a value that was set on the page but is overridden or invalid."""

    key: str
    value: Any
    default: Any
    unset: str
    meaning: str
    allowed: str
    variable: str
    origin: str
    fixed: bool
    unused: Any
    changed_by: str
    changed: str | None


def all_settings() -> list[SettingBody]:
    rows = {tuple(row.key.split(".")): row for row in StationSetting.objects.all()}
    return [body for name in station_settings.SECTIONS for body in _of_section(name, rows)]


def _of_section(name: str, rows: dict[Key, StationSetting]) -> Iterator[SettingBody]:
    found, unused = station_settings.effective(name, {key: row.value for key, row in rows.items()})
    for key in station_settings.fields(name):
        row = rows.get(key)
        yield SettingBody(
            key=".".join(key),
            value=value_at(found, key),
            # The model's own default: `settings.STATION` has the values of the YAML file.
            default=value_at(type(found)(), key),
            unset=str(key_option(key, "unset") or ""),
            meaning=KEYS[key].description or "",
            allowed=str(key_option(key, "allowed")),
            variable=variable_of(key),
            origin=PAGE if row and key not in unused else settings.STATION.origin(key),
            fixed=key in settings.STATION.fixed,
            unused=row.value if row and key in unused else None,
            changed_by=row.changed_by if row else "",
            changed=stamp(row.changed_at) if row else None,
        )


@transaction.atomic
def change_settings(changes: Mapping[str, Any], actor: str = "") -> None:
    """Set keys (`camera_config.crf`), or with None remove what was set on the page. One event for each key.

    ValidationError with a sentence for each key that cannot be set; then nothing is changed.
    """
    # In one transaction: no change without its event, and no event of a change that was rolled back.
    for change in store_changes(changes, actor):
        record_change(change, actor)


def record_change(change: SettingChange, actor: str) -> None:
    key, old, new = change
    effect = "unchanged" if old == new else f"from {_text(old)} to {_text(new)}"
    text = f"{actor or 'The station'} set {key}: {effect}."
    data = {"key": key, "old": old, "new": new}
    record_event("station.settings", text, camera=None, actor=actor, subject=key, data=data)


def _text(value: Any) -> str:
    return "nothing" if value is None else str(value)


def values_from_page() -> dict[Key, Any]:
    """The values of the page that are in effect."""
    return {tuple(body["key"].split(".")): body["value"] for body in all_settings() if body["origin"] == PAGE}


def choices(key: str) -> list[str]:
    """The allowed values of a key with a fixed set of them; true and false for a boolean; else empty."""
    kind: Any = KEYS[tuple(key.split("."))].annotation
    if kind is bool:
        return ["true", "false"]
    words = get_args(kind)
    return list(words) if words and all(isinstance(word, str) for word in words) else []


def is_number(key: str) -> bool:
    kind: Any = KEYS[tuple(key.split("."))].annotation
    return bool({int, float} & {kind, *get_args(kind)})
