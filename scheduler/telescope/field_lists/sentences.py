"""Which telescopes observe a field list: by a session now, or each night."""

from __future__ import annotations

from collections.abc import Iterable

from cameras.models import Camera
from captures.sessions.models import Session
from scheduler.telescope.field_lists.models import NightlyStart


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
