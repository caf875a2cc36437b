"""Settings and capabilities as JSON."""

from __future__ import annotations

from typing import Any, TypedDict

from cameras.models import Camera
from cameras.runtime.messages import Reading
from cameras.runtime.settings_drift import Difference, still_desired
from cameras.validation import settings_schema
from core.times.timestamps import stamp_or_none


class SettingsBody(TypedDict):
    """`desired` is what the row has, `actual` what the camera had at `read_at`; `differs` lists desired settings
    that were changed on the camera's body since they were applied."""

    camera: str
    desired: dict[str, Any]
    actual: dict[str, Any]
    read_at: str | None
    warnings: list[str]
    differs: list[Difference]


class CapabilitiesBody(TypedDict):
    """`capabilities` as the camera reported them when it was last opened; `settings` is their JSON schema."""

    camera: str
    kind: str
    capabilities: dict[str, Any]
    settings: dict[str, Any]


def settings_body(camera: Camera, answer: Reading | None = None) -> SettingsBody:
    """From the camera's `answer` to a command; without one, from the last reading."""
    return SettingsBody(
        camera=camera.slug,
        desired=camera.settings,
        actual=answer["actual"] if answer else camera.read_back,
        read_at=answer["read_at"] if answer else stamp_or_none(camera.read_at),
        warnings=answer["warnings"] if answer else [],
        differs=still_desired(answer["differs"] if answer else camera.differs, camera.settings),
    )


def capabilities_body(camera: Camera) -> CapabilitiesBody:
    return CapabilitiesBody(
        camera=camera.slug, kind=camera.kind, capabilities=camera.capabilities, settings=settings_schema(camera.kind)
    )
