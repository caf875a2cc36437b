"""The recording that a camera is to run, as JSON for its process."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from cameras.models import Camera
from captures.storage.models import StorageClass
from captures.storage.roots import assigned_root
from monitoring.station_settings import camera_config


def desired_recording(camera: Camera) -> dict[str, Any] | None:
    """The desired recording for the camera's process (`cameras.runtime.spec.Recording`); None for nothing."""
    if not camera.recording or camera.removed_at is not None:
        return None
    return {"kind": camera.recording, "requested_by": camera.recording_by, **recording_settings()}


def recording_settings() -> dict[str, Any]:
    """Settings of every recording. The camera's host decides, as its configuration may differ from the caller's."""
    config, host = camera_config(), settings.STATION.host
    root = assigned_root(host, StorageClass.CLIPS)
    floor_gb = config.soft_floor_gb if root is not None and root.exhausted else config.hard_floor_gb
    return {
        "clip_s": config.clip_s,
        "preset": config.preset,
        "crf": config.crf,
        "max_kbit_s": config.max_kbit_s,
        "floor_bytes": int(config.hard_floor_gb * 1e9),
        "rolling_floor_bytes": int(floor_gb * 1e9),
    }
