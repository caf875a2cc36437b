"""Cameras that are added and changed as users do it."""

from __future__ import annotations

from typing import Any

from cameras.editing import services
from cameras.models import Camera
from cameras.resource import CameraChange, CameraNew


def add_camera(*, actor: str = "", **fields: Any) -> Camera:
    return services.add_camera(CameraNew(**fields), actor)


def change_camera(camera: Camera, changes: dict[str, Any], actor: str = "", **confirmation: bool) -> Camera:
    return services.change_camera(camera, CameraChange(**changes, **confirmation), actor)
