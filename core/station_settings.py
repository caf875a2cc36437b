"""Sections of the configuration that can be changed on the page Settings while the station runs. Precedence:
environment and `.env`, then the page, then YAML, then the default. Changes are validated together and stored in one
transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.utils import timezone
from pydantic import BaseModel
from pydantic import ValidationError as Refused
from pydantic.fields import FieldInfo


class StationSetting(models.Model):
    """A configuration key that was set on the page. It overrides the YAML file; the environment overrides it."""

    key = models.CharField(max_length=120, primary_key=True, help_text="As in YAML: camera_config.crf.")
    value = models.JSONField()
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["key"]
        db_table = "monitoring_stationsetting"  # its name since the app monitoring had it

    def __str__(self) -> str:
        return self.key


SECTIONS = (
    "station", "site", "camera_config", "auto_recording_config", "archive_config", "live_streaming_config", "retention",
)  # fmt: skip
"""The sections on the page, by their names in YAML. They contain no secrets."""
# All processes of a station follow a change within this time, without messages that could be lost.
CACHE_S = 1.0
Key = tuple[str, ...]

# Replaced as a whole, so it needs no lock: at worst two threads read the rows at the same time.
_cache: tuple[float, dict[Key, Any]] | None = None


def camera_config() -> Any:
    """What cameras record: the current `RecordingConfig`. DatabaseError."""
    return section("camera_config")


def auto_recording_config() -> Any:
    """What records by itself: the current `AutoRecordingConfig`. DatabaseError."""
    return section("auto_recording_config")


def archive_config() -> Any:
    """How experiments are archived: the current `ArchiveConfig`. DatabaseError."""
    return section("archive_config")


def retention_config() -> Any:
    """How long files are kept: the current `RetentionConfig`. DatabaseError."""
    return section("retention")


def live_streaming_config() -> Any:
    """The current `LiveStreamingConfig`; while the database is away, the last known one, so that viewers do not
    notice."""
    return _last_known("live_streaming_config")


def station_name() -> str:
    """The station's display name; while the database is away, the last known one."""
    return str(_last_known("station").name)


def site_config() -> Any:
    """Where the station stands: the current `SiteConfig`; while the database is away, the last known one."""
    return _last_known("site")


def _last_known(name: str) -> Any:
    try:
        return section(name)
    except DatabaseError:
        return effective(name, _cache[1] if _cache else {})[0]


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
    if not waiting:
        return base, list(own)
    found, used = _apply_values(base, waiting), dict(waiting)
    if found is None:
        found, used = base, {}
        # One by one, as many as fit: one value that YAML contradicts must not switch off all others.
        while fitting := next((key for key in waiting if _apply_values(base, {**used, key: waiting[key]})), None):
            used[fitting] = waiting.pop(fitting)
        found = _apply_values(base, used)
    return found, [key for key in own if key not in used]


def _apply_values(base: BaseModel, values: Mapping[Key, Any]) -> BaseModel | None:
    try:
        return checked_section(base, values)
    except Refused:
        return None


def checked_section(base: BaseModel, values: Mapping[Key, Any]) -> BaseModel:
    """The section `base` with these values. pydantic.ValidationError."""
    tree = base.model_dump()
    for key, value in values.items():
        branch = tree
        for part in key[1:-1]:
            branch = branch[part]
        branch[key[-1]] = value
    # Not `model_copy(update=...)`, which validates nothing.
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
        # `issubclass` raises TypeError for `float | None` and other annotations that are no classes.
        inner = isinstance(kind, type) and issubclass(kind, BaseModel)
        found += _fields(kind, (*prefix, name)) if inner else [((*prefix, name), field)]  # type: ignore[arg-type]
    return found


def value_at(found: BaseModel, key: Key) -> Any:
    """A section's value under `key`, as JSON."""
    value: Any = found.model_dump(mode="json")
    for part in key[1:]:
        value = value[part]
    return value


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
