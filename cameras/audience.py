"""Who may see a camera: every user with a role; while it is restricted, only managers and its audience."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from cameras.command_events import DONE, command_data
from cameras.models import Camera
from core.events.service import record_event
from core.text.sentences import Sentence, sentence

FIELDS = {"restricted", "audience"}


def change_audience(locked: Camera, changes: Mapping[str, Any], actor: str = "") -> None:
    """Set `restricted` and `audience` (user names); what is not named stays. Records one event if anything changed.
    Call it in the transaction that holds the row's lock. ValidationError for a user that does not exist."""
    before, was_restricted = audience_of(locked), locked.restricted
    wanted = before
    if "audience" in changes:
        users = find_users(changes["audience"])
        wanted = sorted(user.get_username() for user in users)
        locked.audience.set(users)
    locked.restricted = changes.get("restricted", was_restricted)
    locked.save(update_fields=["restricted"])
    # The form sends both fields each time it is saved, also unchanged ones.
    if (wanted, locked.restricted) == (before, was_restricted):
        return
    difference = {"added": sorted({*wanted} - {*before}), "removed": sorted({*before} - {*wanted})}
    record_event(
        # A kind of its own: it names users, so only managers see it (MANAGER_ONLY_KINDS in `core/events/selectors.py`).
        "camera.audience",
        sentence("{who} {did}", who=actor or "The station", did=change_sentence(locked, wanted, was_restricted)),
        camera=locked,
        actor=actor,
        data=difference | command_data("audience", {"restricted": locked.restricted, "audience": wanted}, DONE),
    )


def find_users(names: Collection[str]) -> list[Any]:
    """ValidationError for names without a user."""
    found = {user.get_username(): user for user in get_user_model().objects.filter(username__in=set(names))}
    if unknown := sorted(set(names) - set(found)):
        listed = ", ".join(name[:150] for name in unknown)
        raise ValidationError({"audience": f"There is no user {listed}. A manager adds users on the page Users."})
    return list(found.values())


def audience_of(camera: Camera) -> list[str]:
    """User names, sorted."""
    return sorted(user.get_username() for user in camera.audience.all())


def change_sentence(camera: Camera, names: list[str], was_restricted: bool) -> Sentence:
    """What changed, as a sentence that follows the actor's name."""
    listed = f"managers and {', '.join(names)}" if names else "managers"
    if not camera.restricted and was_restricted:
        template = "lifted the restriction of {camera}, which all users with a role may see now."
    elif not camera.restricted:
        template = "changed the list of {camera}, which all users with a role may see."
    elif not was_restricted:
        template = "restricted {camera}: only {listed} may see it now."
    else:
        template = "changed who may see {camera}: only {listed}."
    return sentence(template, camera=camera, listed=listed)
