"""The recording that a camera is to run, as JSON for its process."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings

from cameras.models import Camera
from cameras.runtime.spec import Recording
from captures.roots.models import StorageClass
from captures.roots.roots import assigned_root
from core.station_settings.values import camera_config


def desired_recording(camera: Camera) -> Recording | None:
    """The desired recording for the camera's process; None for nothing."""
    if not camera.recording or camera.removed_at is not None:
        return None
    asked: dict[str, Any] = {"kind": camera.recording, "requested_by": camera.recording_by}
    if camera.recording_experiments:
        asked["experiments"] = camera.recording_experiments
    return cast(Recording, {**asked, **recording_settings()})


def recording_settings() -> dict[str, Any]:
    """Settings of every recording. The camera's host decides, as its configuration may differ from the caller's."""
    config, host = camera_config(), settings.STATION.host
    root = assigned_root(host, StorageClass.CLIPS)
    # `exhausted` is set by the cleanup: no clip is left to delete, so a new rolling clip would be the next one deleted.
    floor_gb = config.soft_floor_gb if root is not None and root.exhausted else config.hard_floor_gb
    return {
        "clip_s": config.clip_s,
        "preset": config.preset,
        "crf": config.crf,
        "max_kbit_s": config.max_kbit_s,
        "floor_bytes": int(config.hard_floor_gb * 1e9),
        "rolling_floor_bytes": int(floor_gb * 1e9),
    }
