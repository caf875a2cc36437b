"""Which telescopes observe a field list, by a session now or each night; and who may change a list: no one who may
not see a camera that observes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError

from cameras.models import Camera
from cameras.selectors import hidden_cameras
from captures.sessions.models import Session
from scheduler.telescope.field_lists.models import FieldList, NightlyStart

NOT_ALL_SEEN = (
    "A camera that you may not see observes the list, so you cannot change it. Copy its text into a new list, or ask a "
    "manager."
)


def check_may_change(found: FieldList, user: Any) -> None:
    """ValidationError when a camera that the user may not see observes the list, now or each night. None is the station
    itself."""
    hidden = [] if user is None else hidden_cameras(user)
    if not hidden:
        return
    running = Session.objects.active().filter(camera__in=hidden, programme__telescope__field_list=str(found.pk))
    if NightlyStart.objects.filter(field_list=found, camera__in=hidden).exists() or running.exists():
        raise ValidationError({"": NOT_ALL_SEEN})


def telescope_sentences(cameras: Iterable[Camera]) -> list[str]:
    """`Mosaic observes the field list Supernovae each night.`, by the names of the cameras."""
    names = {camera.pk: camera.name for camera in cameras if camera.kind == "telescope"}
    if not names:
        return []
    found = {
        one.camera_id: f"the field list {one.field_list.name} each night"
        for one in NightlyStart.objects.filter(camera__in=names).select_related("field_list")
    }
    for session in Session.objects.active().filter(camera__in=names, programme__kind="telescope"):
        found[session.camera_id] = f"the field list {session.programme['telescope']['name']} now"
    return sorted(f"{names[camera]} observes {what}." for camera, what in found.items())
