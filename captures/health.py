"""What is wrong with this host's storage, as sentences; how much of it is free; and how recording is, in a word."""

from __future__ import annotations

import shutil
from typing import TypedDict

from django.conf import settings
from django.utils import timezone

from cameras import status
from cameras.broker import BrokerDown
from cameras.models import Camera
from cameras.runtime.storage import read_marker
from captures.models import StorageRoot
from captures.storage.roots import UnusableRoot, video_root
from monitoring.bodies import stamp
from monitoring.health import Finding

LEAST_FREE_BYTES = 1_000_000_000

LIVING = frozenset({"starting", "ready", "busy", "reconnecting"})
"""Observed of a camera that has a process."""


class HealthCheck(TypedDict):
    """`storage`: whether clips of this host can be written; the space is theirs. Cameras, by slug, are of all hosts:
    those with a process, and those that record; null while the broker is away and nobody knows."""

    storage: bool
    free_disk_space_gb: float | None
    active_cameras: list[str] | None
    recording: list[str] | None
    timestamp: str


def health_check() -> HealthCheck:
    path = _video_path()
    told = _told_of_cameras()
    return HealthCheck(
        storage=path is not None,
        free_disk_space_gb=_free_gb(path) if path else None,
        active_cameras=None if told is None else [one["camera"] for one in told if one["observed"] in LIVING],
        recording=None if told is None else [one["camera"] for one in told if one["recording"]],
        timestamp=stamp(timezone.now()),
    )


def _video_path() -> str | None:
    """Where this host's clips go; None when that is not there, or not mounted."""
    try:
        root = video_root(settings.STATION.host)
    except UnusableRoot:
        return None
    return root["path"] if read_marker(root["path"]) == root["id"] else None


def _told_of_cameras() -> list[status.Status] | None:
    try:
        return list(status.read_all(Camera.objects.present()).values())
    except BrokerDown:
        return None


def disk_problems() -> list[Finding]:
    root = StorageRoot.objects.filter(host=settings.STATION.host, default=True).first()
    if root is None:
        return []
    if read_marker(root.path) != str(root.id):
        said = f"The storage root {root.path} of the host {root.host} is not mounted, or is another one. Mount it."
        return [Finding(said, host=root.host)]
    free = shutil.disk_usage(root.path).free
    if free < LEAST_FREE_BYTES:
        place = f"{root.path} of the host {root.host}"
        said = f"Only {free / 1e9:.1f} GB are free in {place}. Make room, or captures will fail."
        return [Finding(said, host=root.host)]
    return []


def free_disk_space_gb() -> float | None:
    """Of the root that takes new captures of this host; decimal GB, None when it is not there."""
    root = StorageRoot.objects.filter(host=settings.STATION.host, default=True).first()
    return _free_gb(root.path if root else str(settings.STATION.storage_root))


def _free_gb(path: str) -> float | None:
    try:
        return round(shutil.disk_usage(path).free / 1e9, 3)
    except OSError:
        return None
