"""Hands a running session over: another user then holds its camera, and the session goes on unchanged."""

from __future__ import annotations

from typing import Annotated, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from pydantic import ConfigDict, Field

from cameras.command_events import record_refusals
from cameras.leases import lease_holders
from cameras.leases.service import release_lease
from cameras.models import Camera
from captures.sessions.models import Session
from captures.sessions.service import check_not_ended
from core.events.service import record_event
from core.resources.fields import Fields
from core.text.names import person
from core.text.sentences import sentence


class HandOverBody(Fields):
    model_config = ConfigDict(strict=True)

    to: Annotated[str, Field(min_length=1, max_length=150, description="The name of the user who gets the camera.")]


def possible_receivers(camera: Camera) -> list[str]:
    """The names of the users who may control the camera."""
    active: QuerySet[Any] = get_user_model().objects.filter(is_active=True)
    users = [user for user in active.order_by("username") if user.may("operator")]
    listed = set(camera.audience.values_list("pk", flat=True)) if camera.restricted else set()
    return [user.get_username() for user in users if not camera.restricted or user.may("manager") or user.pk in listed]


def hand_over(session: Session, to: str, actor: str) -> Session:
    """The session, which holds its camera for the user `to` from now on. A lease of `actor` ends with it.

    SessionEnded or LeaseHeld when it is not `actor`'s to give, ValidationError for a user who may not control the
    camera: nothing is changed.
    """
    with record_refusals(session.camera, "hand-over", actor, {"to": to}), transaction.atomic():
        locked = Session.objects.select_for_update().select_related("camera").get(pk=session.pk)
        check_not_ended(locked, "hand over")
        lease_holders.check_holder_now(locked.camera, actor, of_session=True)
        if to not in possible_receivers(locked.camera):
            wrong = sentence("There is no user {to!r} who may control {camera}.", to=to, camera=locked.camera)
            raise ValidationError({"to": wrong})
        if person(locked.holder) == to:
            return locked
        locked.handed_to = to
        locked.save(update_fields=["handed_to"])
        # Else the lease would keep the camera from the receiver.
        release_lease(locked.camera, actor)
        message = sentence(
            "{who} handed the session on {camera} over to {to}.", who=actor or "Someone", camera=locked.camera, to=to
        )
        record_event(
            "session.handed_over", message, camera=locked.camera, subject=locked.pk, actor=actor, data={"to": to}
        )
    return locked
