"""The disks of a host: problems of its roots, and their free space for alert rules."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TypedDict

from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.storage import MARKER, read_marker
from cameras.status import status
from cameras.status.messages import Status
from captures.roots.models import StorageClass, StorageRoot
from captures.roots.roots import UnusableRoot, assigned_root, root_of_class, roots_of_new_files
from core.broker.broker import BrokerDown
from core.disk_space import DiskFinding, disk_space, one_of_each_disk
from core.findings import Finding
from core.times.timestamps import stamp

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
    """Of the roots of this host's new files, and of the disks of its data folder and its log."""
    station = settings.STATION
    problems = {root.path: root_problem(root) for root in roots_of_new_files(station.host)}
    found = [problem for problem in problems.values() if problem]
    # The free space of a root that is not mounted would be that of another disk.
    usable = [Path(path) for path, problem in problems.items() if not problem]
    spaces = map(disk_space, one_of_each_disk([*usable, station.data, station.logging.file.parent]))
    found += [space for space in spaces if space.is_broken]
    return [Finding(f"On the host {station.host}: {one.detail} {one.remedy}", host=station.host) for one in found]


def root_problem(root: StorageRoot) -> DiskFinding | None:
    """Why no new file can be written to a root, apart from its free space; None if one can."""
    # Without the marker this is the empty mount point.
    if read_marker(root.path) != str(root.id):
        detail = f"The storage root {root.path} is not mounted, or its marker {MARKER} is missing."
        return DiskFinding(detail, "Mount it: nothing is written until then.", is_broken=True)
    if not os.access(root.path, os.W_OK | os.X_OK):
        return DiskFinding(f"{root.path} cannot be written.", "Change its owner, or mount it writable.", is_broken=True)
    return None


def free_disk_space_gb() -> float | None:
    """Free space of this host's root for new captures, in decimal GB; None when the folder does not exist."""
    root = assigned_root(settings.STATION.host, StorageClass.CAPTURES)
    return _free_gb(root.path if root else str(settings.STATION.storage_root))


def _free_gb(path: str) -> float | None:
    try:
        return round(shutil.disk_usage(path).free / 1e9, 3)
    except OSError:
        return None
