"""Invite a machine, list and withdraw invitations."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import uuid6
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from cameras.models import CameraHost, HostInvitation
from core import database_clock
from core.events.service import record_event
from core.secrets import decrypt_secret, decrypt_secrets, encrypt_secrets
from skycam_project.hosts.exchange import verifier_of
from skycam_project.hosts.join_line import SECRET_BYTES, JoinLine, encode_line
from skycam_project.hosts.resource import InvitationRequest
from skycam_project.hosts.shared import check_shareable, web_urls

LIFE = timedelta(hours=1)
KEPT = timedelta(days=90)
"""How long an invitation that has ended stays listed."""


class HostRefused(Exception):
    """What was requested of a host or an invitation cannot be done now. The message says what to do."""


def invitations_for(user: Any) -> QuerySet[HostInvitation]:
    """Managers see all, the newest first."""
    return HostInvitation.objects.all() if user.may("manager") else HostInvitation.objects.none()


def invitation_for(user: Any, invitation: UUID) -> HostInvitation:
    """HostInvitation.DoesNotExist."""
    return invitations_for(user).get(pk=invitation)


def with_state(invitations: Iterable[HostInvitation], _user: Any) -> list[HostInvitation]:
    """With the `state` of now."""
    found, now = list(invitations), database_clock.read_now()
    for one in found:
        one.state = state_of(one, now)
    return found


def invite_host(wanted: InvitationRequest, actor: str, new_id: UUID | None = None) -> HostInvitation:
    """The invitation with its `line` for `skycam join`, which is shown only now. It ends an earlier one of the same
    name. NotShareable, HostRefused."""
    check_shareable(wanted.instead)
    urls = web_urls(wanted.url)
    secret, now = os.urandom(SECRET_BYTES), database_clock.read_now()
    invitation = HostInvitation(
        id=new_id or uuid6.uuid7(), name=wanted.name, created_by=actor, created_at=now, expires_at=now + LIFE,
        replaces=wanted.again,
    )  # fmt: skip
    invitation.shared_encrypted = encrypt_secrets(invitation, "shared_encrypted", wanted.instead)
    key = {"verifier": verifier_of(secret, invitation.pk).hex()}
    invitation.verifier_encrypted = encrypt_secrets(invitation, "verifier_encrypted", key)
    try:
        with transaction.atomic():
            check_name(wanted.name, again=wanted.again)
            _end_open_one(wanted.name, actor, now)
            HostInvitation.objects.filter(expires_at__lt=now - KEPT).delete()
            invitation.save(force_insert=True)
            who = actor or "Someone"
            message = f"{who} invited a machine to join as the host {wanted.name}, until {now + LIFE:%H:%M} UTC."
            record_event("host.invited", message, camera=None, actor=actor, subject=wanted.name)
    except IntegrityError:
        raise HostRefused(f"Someone else has just invited {wanted.name}. Look at `skycam hosts invitations`.") from None
    invitation.line = encode_line(JoinLine(invitation.pk, wanted.name, secret, urls))
    return invitation


def check_name(name: str, *, again: bool) -> None:
    """HostRefused for the name of a host that lives; and, without `again`, for one of a host that the station knows."""
    host = CameraHost.objects.filter(pk=name).first()
    if host is None:
        return
    if host.leased_until is not None and host.leased_until > database_clock.read_now():
        raise HostRefused(f"The host {name} runs. Choose another name, or stop it first and use --again.")
    if not again:
        known = "was retired" if host.retired_at else "is known, and may come back"
        raise HostRefused(
            f"{name} is the name of a host that {known}: its pictures and cameras belong to that name. Choose another "
            "one, or say with --again that the new machine takes its place."
        )


def _end_open_one(name: str, actor: str, now: datetime) -> None:
    """Its line may be lost, so the newest one counts."""
    open_ones = HostInvitation.objects.filter(name=name, used_at=None, withdrawn_at=None)
    open_ones.update(withdrawn_at=now, withdrawn_by=actor)


@transaction.atomic
def withdraw_invitation(invitation: HostInvitation, actor: str) -> HostInvitation:
    """HostRefused for one that was used. One that has ended otherwise is returned as it is."""
    locked = HostInvitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.used_at is not None:
        raise HostRefused(
            f"The machine {locked.used_by} has joined with this invitation. "
            f"To remove it: `skycam hosts retire {locked.name}`."
        )
    if locked.withdrawn_at is None:
        locked.withdrawn_at, locked.withdrawn_by = database_clock.read_now(), actor
        locked.save(update_fields=["withdrawn_at", "withdrawn_by"])
        message = f"{actor or 'Someone'} withdrew the invitation of the host {locked.name}."
        record_event("host.invitation_withdrawn", message, camera=None, actor=actor, subject=locked.name)
    return locked


def verifier(invitation: HostInvitation) -> bytes:
    return bytes.fromhex(decrypt_secret(invitation, "verifier_encrypted", "verifier"))


def urls_instead(invitation: HostInvitation) -> dict[str, str]:
    return decrypt_secrets(invitation, "shared_encrypted")


def state_of(invitation: HostInvitation, now: datetime) -> str:
    if invitation.withdrawn_at is not None:
        return "withdrawn"
    if invitation.used_at is not None:
        return "used"
    return "expired" if invitation.expires_at <= now else "open"
