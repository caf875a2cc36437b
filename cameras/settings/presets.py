"""Presets: settings saved under a name for all cameras of a kind; save, apply, compare, delete; their requests and
answers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import uuid6
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from pydantic import ConfigDict, Field

from cameras.command_events import DONE, command_data
from cameras.models import Camera, SettingsPreset
from cameras.resource import Settings
from cameras.runtime.messages import Reading
from cameras.runtime.settings_drift import same_value
from cameras.settings.service import set_settings
from core.events.service import record_event
from core.resources.fields import Fields
from core.text.sentences import sentence
from core.times.timestamps import Stamp


class PresetChange(Fields):
    model_config = ConfigDict(strict=True)

    settings: Annotated[Settings | None, Field(description="By default the camera's present desired settings.")] = None


class PresetNew(PresetChange):
    name: Annotated[str, Field(max_length=60)]


class PresetBody(Fields):
    """What is saved under `name` for cameras of `kind`."""

    name: str
    kind: str
    settings: dict[str, Any]
    saved_by: str
    saved_at: Stamp


class PresetList(Fields):
    results: list[PresetBody]


class ComparedSetting(Fields):
    """One setting: in the preset, desired, and actual; null where it is not set. `differs` is true where two set values
    are not the same, or only one of preset and desired sets it."""

    name: str
    preset: Any
    desired: Any
    actual: Any
    differs: bool


class Comparison(Fields):
    """`read_at` is when the camera's settings were read."""

    camera: str
    preset: str
    read_at: Stamp | None
    differs: bool
    results: list[ComparedSetting]


MAX_PRESETS = 100
"""For each kind of camera, because one page lists them all."""


class NoPreset(Exception):
    """No preset of that name for this kind of camera; the message names the kinds that have one."""


def presets_for(camera: Camera) -> list[SettingsPreset]:
    """Sorted by name."""
    return list(SettingsPreset.objects.filter(kind=camera.kind))


def preset_for(camera: Camera, name: str) -> SettingsPreset:
    """NoPreset with a sentence that says which kinds have one of that name."""
    found = {preset.kind: preset for preset in SettingsPreset.objects.filter(name=name)}
    if camera.kind in found:
        return found[camera.kind]
    elsewhere = f" There is one for {', '.join(sorted(found))} cameras, which have other settings." if found else ""
    raise NoPreset(
        sentence(
            "There is no preset {name!r} for {kind} cameras, such as {camera}.{elsewhere}",
            name=name, kind=camera.kind, camera=camera, elsewhere=elsewhere,
        )
    )  # fmt: skip


@transaction.atomic
def save_preset(
    camera: Camera, name: str, values: dict[str, Any] | None = None, actor: str = "", *, replace: bool = False,
    new_id: UUID | None = None,
) -> SettingsPreset:  # fmt: skip
    """Save `values`, or the camera's desired settings, under `name`. `replace` overwrites a preset of that name.
    `new_id` becomes the id of its row; a preset that has this id already is returned as it is.
    ValidationError with a sentence for each bad field; then nothing is changed."""
    if new_id and (saved := SettingsPreset.objects.filter(pk=new_id).first()):
        return saved
    if values is None and not camera.settings:
        message = sentence("{camera} has no desired settings, so there is nothing to save.", camera=camera)
        raise ValidationError({"settings": message})
    stored = SettingsPreset.objects.select_for_update().filter(kind=camera.kind, name=name.strip()).first()
    if stored and not replace:
        raise _name_taken_error(stored)
    if stored is None:
        _check_preset_limit(camera.kind)
    preset = stored or SettingsPreset(id=new_id or uuid6.uuid7(), kind=camera.kind, name=name.strip())
    preset.settings = camera.settings if values is None else values
    preset.saved_by, preset.saved_at = actor, timezone.now()
    _store(preset)
    _record_preset_event(camera, preset, actor, "save-preset", "saved")
    return preset


@transaction.atomic
def delete_preset(camera: Camera, name: str, actor: str = "") -> None:
    """NoPreset. No camera's settings change."""
    preset = preset_for(camera, name)
    _record_preset_event(camera, preset, actor, "delete-preset", "deleted")
    preset.delete()


def apply_preset(camera: Camera, name: str, actor: str = "") -> Reading:
    """Set exactly the settings of the preset. The answer and the errors are those of `set_settings`, and NoPreset."""
    preset = preset_for(camera, name)
    return set_settings(camera, preset.settings, actor, replace=True, preset=preset.name)


def compare_preset(camera: Camera, name: str) -> Comparison:
    """Compare the preset with the desired and the last-read settings. NoPreset."""
    preset = preset_for(camera, name)
    rows = [compared(camera, preset, name) for name in sorted(preset.settings.keys() | camera.settings.keys())]
    return Comparison(
        camera=camera.slug,
        preset=preset.name,
        read_at=camera.read_at,
        differs=any(row.differs for row in rows),
        results=rows,
    )


def compared(camera: Camera, preset: SettingsPreset, name: str) -> ComparedSetting:
    saved, desired, has = preset.settings.get(name), camera.settings.get(name), camera.read_back.get(name)
    # What the camera has is compared with what is desired, not with the preset: a difference from the preset alone is
    # shown by the first comparison already. An unknown value is no difference.
    agree = same_value(saved, desired) and (has is None or same_value(desired, has))
    return ComparedSetting(name=name, preset=saved, desired=desired, actual=has, differs=not agree)


def _store(preset: SettingsPreset) -> None:
    # The database decides about the name: a query could not exclude a second request of the same moment.
    preset.full_clean(validate_unique=False, validate_constraints=False)
    try:
        # A savepoint: after an IntegrityError PostgreSQL refuses every statement until a rollback.
        with transaction.atomic():
            preset.save()
    except IntegrityError:
        raise _name_taken_error(preset) from None


def _check_preset_limit(kind: str) -> None:
    if SettingsPreset.objects.filter(kind=kind).count() >= MAX_PRESETS:
        raise ValidationError(
            {"name": f"There are {MAX_PRESETS} presets for {kind} cameras. Delete one that is not needed."}
        )


def _name_taken_error(preset: SettingsPreset) -> ValidationError:
    return ValidationError({"name": f"There is a preset {preset.name!r} for {preset.kind} cameras already."})


def _record_preset_event(camera: Camera, preset: SettingsPreset, actor: str, order: str, verb: str) -> None:
    record_event(
        "camera.settings", f"{actor or 'Someone'} {verb} the preset {preset.name!r} for {preset.kind} cameras.",
        camera=camera, actor=actor,
        data=command_data(order, {"preset": preset.name, "settings": preset.settings}, DONE),
    )  # fmt: skip
