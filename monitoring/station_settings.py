"""Sections of the configuration that can be changed on the page while the station runs.

Precedence: environment and `.env`, then the page, then YAML, then the default. Every process reads the page's values
again after CACHE_S. The sections themselves define the allowed values (`settings.STATION`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone
from pydantic import BaseModel
from pydantic import ValidationError as Refused
from pydantic.fields import FieldInfo

from monitoring.models import StationSetting
from monitoring.services import record_event

SECTIONS = ("station", "camera_config", "live_streaming_config")
"""The sections on the page, by their names in YAML. They contain no secrets."""
CACHE_S = 1.0
Key = tuple[str, ...]

_cache: tuple[float, dict[Key, Any]] | None = None


def camera_config() -> Any:
    """What cameras record: the current `RecordingConfig`. DatabaseError."""
    return section("camera_config")


def live_streaming_config() -> Any:
    """The current `LiveStreamingConfig`; while the database is away, the last known one, so that viewers do not
    notice."""
    try:
        return section("live_streaming_config")
    except DatabaseError:
        return effective("live_streaming_config", _cache[1] if _cache else {})[0]


def station_name() -> str:
    """The station's display name; while the database is away, the last known one."""
    try:
        return str(section("station").name)
    except DatabaseError:
        return str(effective("station", _cache[1] if _cache else {})[0].name)


def section(name: str) -> Any:
    """The current values of one of SECTIONS. DatabaseError."""
    return effective(name, page_values())[0]


def page_values() -> dict[Key, Any]:
    """The values that were set on the page, read at most once in CACHE_S."""
    global _cache
    if _cache is None or time.monotonic() - _cache[0] >= CACHE_S:
        rows = StationSetting.objects.values_list("key", "value")
        _cache = (time.monotonic(), {tuple(key.split(".")): value for key, value in rows})
    return _cache[1]


def clear_cache() -> None:
    """Read the values again at the next use."""
    global _cache
    _cache = None


def effective(name: str, page: Mapping[Key, Any]) -> tuple[Any, list[Key]]:
    """The section with the page's values, and the keys of values that are not used: the environment sets the key, the
    key no longer exists, or the value contradicts what YAML or a newer version says."""
    base: BaseModel = getattr(settings.STATION, name)
    own = {key: value for key, value in page.items() if key[0] == name}
    waiting = {key: value for key, value in own.items() if key in fields(name) and key not in settings.STATION.fixed}
    found, used = _apply_values(base, waiting), dict(waiting)
    if found is None:
        found, used = base, {}
        while fitting := next((key for key in waiting if _apply_values(base, {**used, key: waiting[key]})), None):
            used[fitting] = waiting.pop(fitting)
        found = _apply_values(base, used)
    return found, [key for key in own if key not in used]


def _apply_values(base: BaseModel, values: Mapping[Key, Any]) -> BaseModel | None:
    try:
        return _checked(base, values)
    except Refused:
        return None


def _checked(base: BaseModel, values: Mapping[Key, Any]) -> BaseModel:
    tree = base.model_dump()
    for key, value in values.items():
        branch = tree
        for part in key[1:-1]:
            branch = branch[part]
        branch[key[-1]] = value
    return type(base).model_validate(tree)


def fields(name: str) -> dict[Key, FieldInfo]:
    """Every key of a section, and of the sections in it, that can be set here."""
    found = _fields(type(getattr(settings.STATION, name)), (name,))
    return {key: field for key, field in found if _is_set_here(field)}


def _is_set_here(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return not isinstance(extra, dict) or bool(extra.get("page", True))


def _fields(model: type[BaseModel], prefix: Key) -> list[tuple[Key, FieldInfo]]:
    found: list[tuple[Key, FieldInfo]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = isinstance(kind, type) and issubclass(kind, BaseModel)
        found += _fields(kind, (*prefix, name)) if inner else [((*prefix, name), field)]  # type: ignore[arg-type]
    return found


def value_at(found: BaseModel, key: Key) -> Any:
    """A section's value under `key`, as JSON."""
    value: Any = found.model_dump(mode="json")
    for part in key[1:]:
        value = value[part]
    return value


@transaction.atomic
def change_settings(changes: Mapping[str, Any], actor: str = "") -> None:
    """Set keys (`camera_config.crf`), or with None remove what was set on the page. One event for each key.

    ValidationError with a sentence for each key that cannot be set; then nothing is changed.
    """
    keys = {tuple(key.split(".")): value for key, value in changes.items()}
    _refuse_unknown(keys)
    clear_cache()
    before = page_values()
    after = {**{key: value for key, value in before.items() if key not in keys}, **_given(keys)}
    for name in {key[0] for key in keys}:
        _change_section(name, [key for key in keys if key[0] == name], before, after, actor)
    clear_cache()
    transaction.on_commit(clear_cache)


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
) -> None:
    old, unused = effective(name, before)
    wanted = {key: value for key, value in after.items() if key[0] == name and (key in keys or key not in unused)}
    try:
        new = _checked(getattr(settings.STATION, name), wanted)
    except Refused as error:
        raise ValidationError(_sentences(error, name, keys)) from None
    for key in keys:
        _store(key, value_at(new, key) if key in after else None, actor)
        _record_change(".".join(key), value_at(old, key), value_at(new, key), actor)


def _sentences(error: Refused, name: str, keys: list[Key]) -> dict[str, list[str]]:
    """Key -> sentences. An error about several keys together is listed under the first of them."""
    found: dict[str, list[str]] = {}
    for item in error.errors():
        key = (name, *(str(part) for part in item["loc"]))
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


def _record_change(key: str, old: Any, new: Any, actor: str) -> None:
    change = "unchanged" if old == new else f"from {_text(old)} to {_text(new)}"
    text = f"{actor or 'The station'} set {key}: {change}."
    record_event("station.settings", text, actor=actor, subject=key, data={"key": key, "old": old, "new": new})


def _text(value: Any) -> str:
    return "nothing" if value is None else str(value)
