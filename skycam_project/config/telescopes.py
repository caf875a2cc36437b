"""The telescopes of this host: where the header words of their cameras come from (docs/cameras/telescope-status.md)."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from cameras.drivers.base import SystemClock
from cameras.telescope_status.sources import STATUS_SOURCES, SourceContext, StatusError, create_source
from core.text.names import NAME_PATTERN
from skycam_project.config.keys import NAME, Section, key


class TelescopeConfig(Section):
    name: str = key(..., "Name of the telescope, unique on this host.", NAME, pattern=NAME_PATTERN)
    source: str = key(..., "Kind of the source of its status.", f"one of {', '.join(STATUS_SOURCES)}")
    settings: dict[str, Any] = key(
        {}, "Settings of the source (docs/cameras/telescope-status.md).", "a mapping of the source's settings"
    )
    cameras: list[str] = key(
        [], "Cameras that stand on it.", "a list of cameras' ids", unset="all telescope cameras of the host"
    )

    @model_validator(mode="after")
    def check_source(self) -> Self:
        try:
            create_source(self.source, self.settings, SourceContext(SystemClock()))
        except StatusError as error:
            raise ValueError(f"{str(error).rstrip('.')}.") from None
        return self


def check_telescopes(telescopes: list[TelescopeConfig]) -> list[TelescopeConfig]:
    """ValueError if two telescopes have the same name, or one camera stands on two."""
    names = [telescope.name for telescope in telescopes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two telescopes have the name {twice[0]}; give each its own.")
    cameras = [camera for telescope in telescopes for camera in telescope.cameras]
    if twice := sorted({camera for camera in cameras if cameras.count(camera) > 1}):
        raise ValueError(f"the camera {twice[0]} stands on two telescopes; name it once.")
    return telescopes
