"""Requests and answers about presets."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from cameras.resource import Settings
from core.resources.fields import Fields
from core.times.moments import Stamp


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
