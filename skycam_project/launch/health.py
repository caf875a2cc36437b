"""Problems of the parts on this machine, for `monitoring.health.HEALTH`."""

from __future__ import annotations

from django.conf import settings

from core import restored_copy
from core.findings import Finding
from skycam_project.launch.control import part_rows
from skycam_project.launch.crash_loops import alert_key
from skycam_project.launch.errors import LaunchError


def part_problems() -> list[Finding]:
    """A finding for each part in a crash loop, or for a restored copy, which lacks most parts. Empty where no launcher
    answers: then this process is not a part."""
    host = settings.STATION.host
    if (copied := restored_copy.copied_from(settings.STATION.data)) is not None:
        return [Finding(restored_copy.pause_sentence(copied), host=host)]
    try:
        parts = [part for part in part_rows(settings.STATION) if part.get("next_try_s") is not None]
    except LaunchError:
        return []
    return [
        Finding(
            f"{part['name']} is in a crash loop on {host}: {part['reason']}. Read the log, then restart it with "
            f"`skycam restart {part['name']}`.",
            host=host,
            alert=alert_key(host, part["name"]),
        )
        for part in parts
    ]
