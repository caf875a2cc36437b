"""Archives as they are once the jobs part of a host has found the request."""

from __future__ import annotations

from captures.roots.archives import services
from captures.roots.archives.models import Archive

from captures.experiments.models import Experiment


def request_archive(experiment: Experiment, method: str = "", actor: str = "") -> Archive:
    """Request it, and plan its files as the jobs part does."""
    archive = services.request_archive(experiment, method, actor, user=None)
    services.advance(archive)
    archive.refresh_from_db()
    return archive
