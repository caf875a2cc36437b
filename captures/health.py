"""What is wrong with this host's storage, as sentences; and how much of it is free."""

from __future__ import annotations

import shutil

from django.conf import settings

from cameras.runtime.storage import marker_of
from captures.models import StorageRoot
from monitoring.health import Finding

LEAST_FREE_BYTES = 1_000_000_000


def disk_problems() -> list[Finding]:
    root = StorageRoot.objects.filter(host=settings.STATION.host, default=True).first()
    if root is None:
        return []
    if marker_of(root.path) != str(root.id):
        return [Finding(f"The storage root {root.path} is not mounted, or is another one. Mount it.")]
    free = shutil.disk_usage(root.path).free
    if free < LEAST_FREE_BYTES:
        return [Finding(f"Only {free / 1e9:.1f} GB are free in {root.path}. Make room, or captures will fail.")]
    return []


def free_disk_space_gb() -> float | None:
    """Of the root that takes new captures of this host; decimal GB, None when it is not there."""
    root = StorageRoot.objects.filter(host=settings.STATION.host, default=True).first()
    try:
        return round(shutil.disk_usage(root.path if root else settings.STATION.storage_root).free / 1e9, 3)
    except OSError:
        return None
