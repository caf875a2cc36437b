"""Changes of the settings that the page holds: validated together, stored in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError as Refused

from core.station_settings.models import StationSetting
from core.station_settings.values import (
    SECTIONS,
    Key,
    checked_section,
    clear_cache,
    effective,
    fields,
    page_values,
    value_at,
)


class SettingChange(NamedTuple):
    """The values in effect before and after the change. `old` and `new` are JSON; `key` is as in YAML."""

    key: str
    old: Any
    new: Any


@transaction.atomic
def store_changes(changes: Mapping[str, Any], actor: str) -> list[SettingChange]:
    """Set keys (`camera_config.crf`), or with None remove what was set on the page. Returns a change for each key.

    ValidationError with a sentence for each key that cannot be set; then nothing is changed.
    """
    keys = {tuple(key.split(".")): value for key, value in changes.items()}
    _refuse_unknown(keys)
    # The values are validated against the rows themselves, not against those of up to a second ago.
    clear_cache()
    before = page_values()
    after = {**{key: value for key, value in before.items() if key not in keys}, **_given(keys)}
    changed = [
        change
        for name in {key[0] for key in keys}
        for change in _change_section(name, [key for key in keys if key[0] == name], before, after, actor)
    ]
    clear_cache()
    # Until the commit another thread of this process may read the old rows into the cache.
    transaction.on_commit(clear_cache)
    return changed


def _given(keys: Mapping[Key, Any]) -> dict[Key, Any]:
    return {key: value for key, value in keys.items() if value is not None}


def _refuse_unknown(keys: Mapping[Key, Any]) -> None:
    wrong = {}
    for key in keys:
        if key[0] not in SECTIONS or key not in fields(key[0]):
            wrong[".".join(key)] = "No such key can be set here."
        elif key in settings.STATION.fixed:
            wrong[".".join(key)] = f"It is set by {settings.STATION.origin(key)}, which overrides what is set here."
    if wrong:
        raise ValidationError(wrong)


def _change_section(
    name: str, keys: list[Key], before: Mapping[Key, Any], after: Mapping[Key, Any], actor: str
) -> list[SettingChange]:
    old, unused = effective(name, before)
    # Stored values that are not in effect, because they contradict YAML or a newer version, must not refuse a change of
    # others.
    wanted = {key: value for key, value in after.items() if key[0] == name and (key in keys or key not in unused)}
    try:
        new = checked_section(getattr(settings.STATION, name), wanted)
    except Refused as error:
        raise ValidationError(_sentences(error, name, keys)) from None
    for key in keys:
        _store(key, value_at(new, key) if key in after else None, actor)
    return [SettingChange(".".join(key), value_at(old, key), value_at(new, key)) for key in keys]


def _sentences(error: Refused, name: str, keys: list[Key]) -> dict[str, list[str]]:
    """Key -> sentences. An error about several keys together is listed under the first of them."""
    found: dict[str, list[str]] = {}
    for item in error.errors():
        key = (name, *(str(part) for part in item["loc"]))
        # A validator of our own says in a sentence what is allowed; pydantic's sentences are for programmers.
        own = str(item.get("ctx", {}).get("error", "")) if item["type"] == "value_error" else ""
        known = next((known for known in fields(name) if item["loc"] and known == key[: len(known)]), None)
        text = own or f"This is not allowed; allowed is {_allowed(name, known)}."
        found.setdefault(".".join(known or keys[0]), []).append(text)
    return found


def _allowed(name: str, key: Key | None) -> str:
    extra = fields(name)[key].json_schema_extra if key else None
    return str(extra["allowed"]) if isinstance(extra, dict) else "something else"


def _store(key: Key, value: Any, actor: str) -> None:
    if value is None:
        StationSetting.objects.filter(pk=".".join(key)).delete()
        return
    fields = {"value": value, "changed_by": actor, "changed_at": timezone.now()}
    StationSetting.objects.update_or_create(key=".".join(key), defaults=fields)
