"""Where pictures are kept."""

from __future__ import annotations

from django.conf import settings

from captures.models import StorageRoot


def ensure_default_root() -> None:
    """The row of this host's default storage root, made once."""
    if not StorageRoot.objects.filter(host=settings.STATION.host, default=True).exists():
        StorageRoot.objects.create(host=settings.STATION.host, path=str(settings.STATION.storage_root), default=True)
