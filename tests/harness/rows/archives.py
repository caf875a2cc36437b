"""Archives as they are once the jobs part of a host has found the request."""

from __future__ import annotations

from captures.experiments.models import Experiment
from captures.storage.archives import services
from captures.storage.archives.models import Archive


def request_archive(experiment: Experiment, method: str = "", actor: str = "") -> Archive:
    """Request it, and plan its files as the jobs part does."""
    archive = services.request_archive(experiment, method, actor, user=None)
    services.advance(archive)
    archive.refresh_from_db()
    return archive
