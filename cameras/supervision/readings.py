"""What a camera was found to have, into its row; a change on its body becomes an event, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from cameras.models import Camera
from cameras.readings import replaces
from cameras.runtime.settings_drift import Difference, still_desired
from monitoring.services import record_event


@transaction.atomic
def note_read_back(camera: str, message: dict[str, Any]) -> None:
    """`message` is the process's: `actual`, `read_at`, `differs`. A newer reading stays. A camera that was removed
    meanwhile has no row."""
    row = Camera.objects.select_for_update().filter(pk=camera).first()
    if row is None or not replaces(datetime.fromisoformat(message["read_at"]), row.read_at):
        return
    known, row.differs = row.differs, still_desired(message["differs"], row.settings)
    row.read_back, row.read_at = message["actual"], message["read_at"]
    row.save(update_fields=["read_back", "read_at", "differs"])
    for one in row.differs:
        if one not in known:
            _tell(row, one)


def _tell(camera: Camera, one: Difference) -> None:
    said = (
        f"{one['name']} of {camera.slug} was changed on the camera itself: it has {one['has']}, and {one['wished']} is "
        "wished for. Adopt it, or apply yours again."
    )
    record_event("camera.settings", said, severity="warning", camera=camera, data={"differs": one})
