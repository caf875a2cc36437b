"""The requests about presets."""

from __future__ import annotations

from typing import Annotated, TypedDict

from pydantic import ConfigDict, Field

from cameras.presets.service import PresetBody
from cameras.resource import Settings
from core.api.model import StrictModel


class PresetNew(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(max_length=60)]
    settings: Annotated[Settings | None, Field(description="By default the camera's present desired settings.")] = None


class PresetChange(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    settings: Annotated[Settings | None, Field(description="By default the camera's present desired settings.")] = None


class PresetList(TypedDict):
    results: list[PresetBody]
