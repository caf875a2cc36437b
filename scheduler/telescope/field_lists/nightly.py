"""Says which list a telescope observes each night, without a person who starts it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from cameras.models import Camera
from cameras.selectors import check_sees
from core.camera_refs import Cameras
from core.events.service import record_event
from core.text.sentences import join_sentences, sentence
from scheduler.telescope.field_lists.models import FieldList, NightlyStart
from scheduler.telescope.field_lists.night_start import checked_night_start, last_evening
from scheduler.telescope.field_lists.nights import site_of_camera
from scheduler.telescope.field_lists.requests import NightOptions, ObserveRequest
from scheduler.telescope.field_lists.visibility import check_may_change


def set_nightly_start(
    found: FieldList, camera: Camera, request: NightOptions, *, user: Any, actor: str, now: datetime
) -> NightlyStart:
    """The nights of the list are started on the camera from the present one on. ValidationError for what a request to
    observe would be refused for, for a camera that observes another list each night, and what `check_may_change`
    raises."""
    check_sees(user, camera)
    check_may_change(found, user)
    checked_night_start(found, camera, ObserveRequest(**request.model_dump()), now)
    options = request.model_dump(exclude={"camera"})
    with transaction.atomic():
        FieldList.objects.select_for_update().get(pk=found.pk)
        present = NightlyStart.objects.filter(field_list=found).first()
        if present and (present.camera_id, present.options) == (camera.pk, options):
            return present
        NightlyStart.objects.filter(field_list=found).delete()
        # The database decides about the camera: a query could not exclude a second request of the same moment.
        try:
            with transaction.atomic():
                new = NightlyStart.objects.create(
                    field_list=found, camera=camera, options=options, created_by=actor,
                    started=present.started if present and present.camera_id == camera.pk else None,
                    accounted=last_evening(site_of_camera(camera), now),
                )  # fmt: skip
        except IntegrityError:
            other = FieldList.objects.filter(nightly_start__camera=camera).first()
            message = sentence(
                "{camera} observes the list {other!r} each night. End that first.", camera=camera, other=str(other)
            )
            raise ValidationError({"camera": message}) from None
        did = sentence("has the list {name!r} observed each night by {camera}.", name=found.name, camera=camera)
        record_change(found, actor, did, camera)
    return new


def end_nightly_start(found: FieldList, *, user: Any, actor: str) -> None:
    """No further night is started; one that runs goes on. Nothing happens if none would be. What `check_may_change`
    raises."""
    check_may_change(found, user)
    with transaction.atomic():
        present = NightlyStart.objects.filter(field_list=found).select_related("camera").first()
        if present is not None:
            present.delete()
            did = f"has ended that the list {found.name!r} is observed each night."
            record_change(found, actor, did, present.camera)


def end_for_removed_cameras() -> None:
    """Each with an event."""
    for nightly in NightlyStart.objects.exclude(camera__removed_at=None).select_related("camera", "field_list"):
        with transaction.atomic():
            nightly.delete()
            message = sentence(
                "{camera} was removed, and observes the list {name!r} each night no longer.",
                camera=nightly.camera, name=nightly.field_list.name,
            )  # fmt: skip
            record_event("telescope.list_changed", message, camera=nightly.camera, subject=nightly.field_list_id)


def record_change(found: FieldList, actor: str, did: str, camera: Cameras) -> None:
    message = join_sentences([actor or "Someone", did])
    record_event("telescope.list_changed", message, camera=camera, actor=actor, subject=found.pk)
