"""What the panel Archive of an experiment's page shows."""

from __future__ import annotations

from typing import Any

from captures.experiments.models import Experiment
from captures.pages.archives.listing import displays_for
from captures.storage.archives.bodies import archive_body
from captures.storage.archives.selectors import archives_for


def archive_context(experiment: Experiment, user: Any) -> dict[str, Any]:
    """What the panel shows; `archive` is None before one was requested."""
    archive = archives_for(user).filter(experiment=experiment).first()
    body = archive_body(archive, user) if archive else None
    return {
        "archive": body,
        "archive_grows": body is not None and body["state"] in {"waiting", "copying"},
        "archive_state": displays_for(user, [archive])[0].state_display if archive else None,
        "archive_files": sum(body["files"].values()) if body else 0,
    }
