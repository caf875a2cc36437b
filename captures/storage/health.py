"""Health of this host's storage: problems as sentences, free space, and which cameras record."""

from __future__ import annotations

import shutil
from typing import TypedDict

from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.storage import read_marker
from cameras.status import status
from cameras.status.messages import Status
from captures.storage.models import StorageClass
from captures.storage.roots import UnusableRoot, assigned_root, root_of_class
from core.broker.broker import BrokerDown
from core.times.timestamps import stamp
from monitoring.health import Finding

MIN_FREE_BYTES = 1_000_000_000

ACTIVE_STATES = frozenset({"starting", "ready", "busy", "reconnecting"})
"""Observed states of a camera that has a process."""


class HealthCheck(TypedDict):
    """Of the machine `host`. `storage`: whether its clips can be written; `free_disk_space_gb` is of their root.
    Cameras are slugs, of all hosts: those with a process, and those that record, of which `active_threads` is the
    number; null while the broker does not answer."""

    host: str
    storage: bool
    free_disk_space_gb: float | None
    active_cameras: list[str] | None
    recording: list[str] | None
    active_threads: int | None
    timestamp: str


def health_check() -> HealthCheck:
    path = _video_path()
    statuses = _read_statuses()
    recording = None if statuses is None else [entry["camera"] for entry in statuses if entry["recording"]]
    return HealthCheck(
        host=settings.STATION.host,
        storage=path is not None,
        free_disk_space_gb=_free_gb(path) if path else None,
        active_cameras=None
        if statuses is None
        else [entry["camera"] for entry in statuses if entry["observed"] in ACTIVE_STATES],
        recording=recording,
        active_threads=None if recording is None else len(recording),
        timestamp=stamp(timezone.now()),
    )


def _video_path() -> str | None:
    """Folder of this host's new clips; None when it does not exist or is not mounted."""
    try:
        root = root_of_class(settings.STATION.host, StorageClass.CLIPS)
    except UnusableRoot:
        return None
    return root["path"] if read_marker(root["path"]) == root["id"] else None


def _read_statuses() -> list[Status] | None:
    try:
        return list(status.read_statuses(Camera.objects.present()).values())
    except BrokerDown:
        return None


def disk_problems() -> list[Finding]:
    root = assigned_root(settings.STATION.host, StorageClass.CAPTURES)
    if root is None:
        return []
    # Without the marker this is the empty mount point, and its free space is that of another disk.
    if read_marker(root.path) != str(root.id):
        place = f"{root.path} of the host {root.host}"
        problem = f"The storage root {place} is not mounted, or another disk is mounted there. Mount it."
        return [Finding(problem, host=root.host)]
    free = shutil.disk_usage(root.path).free
    if free < MIN_FREE_BYTES:
        place = f"{root.path} of the host {root.host}"
        problem = f"Only {free / 1e9:.1f} GB are free in {place}. Free some space, or captures will fail."
        return [Finding(problem, host=root.host)]
    return []


def free_disk_space_gb() -> float | None:
    """Free space of this host's root for new captures, in decimal GB; None when the folder does not exist."""
    root = assigned_root(settings.STATION.host, StorageClass.CAPTURES)
    return _free_gb(root.path if root else str(settings.STATION.storage_root))


def _free_gb(path: str) -> float | None:
    try:
        return round(shutil.disk_usage(path).free / 1e9, 3)
    except OSError:
        return None
