"""Settings that are saved under a name, for every camera of a kind: save, apply, compare, delete."""

from __future__ import annotations

from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras import services
from cameras.commands import DONE, told
from cameras.models import Camera, SettingsPreset
from cameras.runtime.settings_drift import same_value
from monitoring.bodies import stamp, stamp_or_none
from monitoring.services import record_event

MOST = 100
"""For each kind of camera: a page lists them all."""


class PresetBody(TypedDict):
    """What is saved under `name` for cameras of `kind`."""

    name: str
    kind: str
    settings: dict[str, Any]
    saved_by: str
    saved_at: str


class Compared(TypedDict):
    """One setting: in the preset, as wished for, and as the camera has it. null: not named there. `differs` where two
    of these that are named are not the same, or the preset and the wish do not name the same."""

    name: str
    preset: Any
    desired: Any
    actual: Any
    differs: bool


class Comparison(TypedDict):
    """`read_at` is when the camera was asked what it has."""

    camera: str
    preset: str
    read_at: str | None
    differs: bool
    results: list[Compared]


class NoPreset(Exception):
    """There is none of that name for this kind of camera; the message says where there is one."""


def preset_body(preset: SettingsPreset) -> PresetBody:
    return PresetBody(
        name=preset.name,
        kind=preset.kind,
        settings=preset.settings,
        saved_by=preset.saved_by,
        saved_at=stamp(preset.saved_at),
    )


def presets_for(camera: Camera) -> list[SettingsPreset]:
    """By name."""
    return list(SettingsPreset.objects.filter(kind=camera.kind))


def preset_for(camera: Camera, name: str) -> SettingsPreset:
    """NoPreset with a sentence that says which kinds have one of that name."""
    found = {preset.kind: preset for preset in SettingsPreset.objects.filter(name=name)}
    if camera.kind in found:
        return found[camera.kind]
    elsewhere = f" There is one for {', '.join(sorted(found))} cameras, whose settings are others." if found else ""
    raise NoPreset(f"There is no preset {name!r} for {camera.kind} cameras, such as {camera.slug}.{elsewhere}")


@transaction.atomic
def save_preset(
    camera: Camera, name: str, values: dict[str, Any] | None = None, actor: str = "", *, replace: bool = False
) -> SettingsPreset:
    """What is wished for `camera` now, or `values`, under `name`. `replace`: in the place of the one of that name, if
    there is one. ValidationError with a sentence for each bad field; then nothing is changed."""
    if values is None and not camera.settings:
        raise ValidationError({"settings": f"Nothing is wished for {camera.slug}, so there is nothing to save."})
    stored = SettingsPreset.objects.select_for_update().filter(kind=camera.kind, name=name.strip()).first()
    if stored and not replace:
        raise _taken(stored)
    if stored is None:
        _check_room(camera.kind)
    preset = stored or SettingsPreset(kind=camera.kind, name=name.strip())
    preset.settings = camera.settings if values is None else values
    preset.saved_by, preset.saved_at = actor, timezone.now()
    _store(preset)
    _tell(camera, preset, actor, "save-preset", "saved")
    return preset


@transaction.atomic
def delete_preset(camera: Camera, name: str, actor: str = "") -> None:
    """NoPreset. No camera's settings change."""
    preset = preset_for(camera, name)
    _tell(camera, preset, actor, "delete-preset", "deleted")
    preset.delete()


def apply_preset(camera: Camera, name: str, actor: str = "") -> dict[str, Any]:
    """Wish exactly what the preset names; the answer and the errors are those of `set_settings`, and NoPreset."""
    preset = preset_for(camera, name)
    return services.set_settings(camera, preset.settings, actor, replace=True, preset=preset.name)


def compare_preset(camera: Camera, name: str) -> Comparison:
    """The preset, the wish and what was read back last, side by side. NoPreset."""
    preset = preset_for(camera, name)
    rows = [compared(camera, preset, name) for name in sorted(preset.settings.keys() | camera.settings.keys())]
    return Comparison(
        camera=camera.slug,
        preset=preset.name,
        read_at=stamp_or_none(camera.read_at),
        differs=any(row["differs"] for row in rows),
        results=rows,
    )


def compared(camera: Camera, preset: SettingsPreset, name: str) -> Compared:
    saved, wished, has = preset.settings.get(name), camera.settings.get(name), camera.read_back.get(name)
    agree = same_value(saved, wished) and (has is None or same_value(wished, has))
    return Compared(name=name, preset=saved, desired=wished, actual=has, differs=not agree)


def _store(preset: SettingsPreset) -> None:
    preset.full_clean(validate_unique=False, validate_constraints=False)
    try:
        with transaction.atomic():
            preset.save()
    except IntegrityError:
        raise _taken(preset) from None


def _check_room(kind: str) -> None:
    if SettingsPreset.objects.filter(kind=kind).count() >= MOST:
        raise ValidationError({"name": f"There are {MOST} presets for {kind} cameras. Delete one that nobody needs."})


def _taken(preset: SettingsPreset) -> ValidationError:
    return ValidationError({"name": f"There is a preset {preset.name!r} for {preset.kind} cameras already."})


def _tell(camera: Camera, preset: SettingsPreset, actor: str, order: str, verb: str) -> None:
    record_event(
        "camera.settings", f"{actor or 'Someone'} {verb} the preset {preset.name!r} for {preset.kind} cameras.",
        camera=camera, actor=actor, data=told(order, {"preset": preset.name, "settings": preset.settings}, DONE),
    )  # fmt: skip
