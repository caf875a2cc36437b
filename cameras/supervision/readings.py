"""Stores the settings read back from a camera; a change made on its body becomes one event."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cameras.models import Camera
from cameras.runtime.messages import Reading
from cameras.runtime.settings_drift import Difference, still_desired
from cameras.status.readings import supersedes
from core.events.service import record_event
from core.text.sentences import sentence


@transaction.atomic
def store_read_back(camera: str, reading: Reading) -> None:
    """A newer reading in the row is kept. A camera that was removed meanwhile has no row."""
    row = Camera.objects.select_for_update().filter(pk=camera).first()
    if row is None or not supersedes(datetime.fromisoformat(reading["read_at"]), row.read_at):
        return
    # The reading may have waited in the outbox while other settings were stored.
    known, row.differs = row.differs, still_desired(reading["differs"], row.settings)
    row.read_back, row.read_at = reading["actual"], reading["read_at"]
    row.save(update_fields=["read_back", "read_at", "differs"])
    for difference in row.differs:
        if difference not in known:
            _record_difference(row, difference)


def _record_difference(camera: Camera, difference: Difference) -> None:
    text = sentence(
        "{name} of {camera} was changed on the camera itself: it has {has}, and {desired} is desired. Adopt it, or "
        "apply yours again.",
        name=difference["name"], camera=camera, has=difference["has"], desired=difference["wished"],
    )  # fmt: skip
    record_event("camera.settings", text, severity="warning", camera=camera, data={"differs": difference})
