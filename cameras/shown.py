"""Cameras as their answers show them to a user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import prefetch_related_objects

from cameras.audience import audience_of
from cameras.drivers.credentials import redact_address
from cameras.models import Camera, desired_connection
from cameras.status.status import Observation, read_observations


@dataclass(frozen=True)
class ShownCamera:
    """What an answer has otherwise than the row; all else is the row's."""

    camera: Camera
    observation: Observation
    to_manager: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.camera, name)

    @property
    def address(self) -> str | None:
        return redact_address(self.camera.address) if self.to_manager else None

    @property
    def audience(self) -> list[str] | None:
        return audience_of(self.camera) if self.to_manager else None

    @property
    def keep(self) -> list[str]:
        return self.camera.kept_formats

    @property
    def desired(self) -> str:
        return desired_connection(self.camera)

    @property
    def observed(self) -> str:
        return self.observation.observed

    @property
    def reason(self) -> str:
        return self.observation.reason

    @property
    def since(self) -> str | None:
        return self.observation.since


def shown_cameras(cameras: Iterable[Camera], user: Any) -> list[ShownCamera]:
    """In a constant number of queries."""
    listed, to_manager = list(cameras), user.may("manager")
    if to_manager:
        # The answers of other users have no audience, so they save this query.
        prefetch_related_objects(listed, "audience")
    observations = read_observations(listed)
    return [ShownCamera(camera, observations[camera.slug], to_manager) for camera in listed]
