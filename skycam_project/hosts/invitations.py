"""Invite a machine, list and withdraw invitations, and admit the machine that has the line of one: check its proof,
use the invitation up, and encrypt what the machine gets."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import uuid6
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from cameras.models import CameraHost, HostInvitation
from core import database_clock
from core.addresses import client_network
from core.events.service import raise_alert, record_event
from core.limits.refusals import count_refusal
from core.secrets import DecryptionFailed, decrypt_secret, decrypt_secrets, encrypt_secrets
from core.window_count import count_in_window
from skycam_project.hosts.exchange import KEY_BYTES, JoinRequest, encrypt_answer, is_proved, verifier_of
from skycam_project.hosts.join_line import SECRET_BYTES, JoinLine, encode_line
from skycam_project.hosts.resource import InvitationRequest
from skycam_project.hosts.shared import check_shareable, shared_configuration, web_urls

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


WINDOW_S = 60
MAX_OF_ADDRESS = 30
MAX_OF_ALL = 300
"""Requests in a minute. Each costs a query and three hashes; guessing 256 bits is hopeless at any rate."""
UNKNOWN = "There is no open invitation for this line. Write a new one on the main machine: `skycam hosts invite NAME`."
JoinProblem = Literal["forbidden", "invitation-used", "invitation-over"]


class TooManyJoins(Exception):
    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many attempts to join. Wait {wait_s} s.")
        self.wait_s = wait_s


class JoinRefused(Exception):
    """The message says what to do. For who does not have the secret, `problem` and message are always the same."""

    def __init__(self, message: str, problem: JoinProblem = "forbidden") -> None:
        super().__init__(message)
        self.problem = problem


def count_join(address: str) -> None:
    """Count one more request. TooManyJoins over a limit."""
    now = time.time()
    window = int(now // WINDOW_S)
    for of, most in ((client_network(address), MAX_OF_ADDRESS), ("all", MAX_OF_ALL)):
        if count_in_window(f"join:{of}:{window}", 2 * WINDOW_S) > most:
            count_refusal("joins")
            raise TooManyJoins(math.ceil(WINDOW_S - now % WINDOW_S))


def admit_machine(request: JoinRequest, address: str) -> str:
    """The encrypted answer for the machine at `address`. JoinRefused."""
    with transaction.atomic():
        invitation = HostInvitation.objects.select_for_update().filter(pk=UUID(request["invitation"])).first()
        key = _verifier(invitation)
        # Both are computed in each case, so that the time of the answer does not say which invitations there are.
        if not is_proved(key, request) or invitation is None:
            raise JoinRefused(UNKNOWN)
        refused = _refusal(invitation, request, address, database_clock.read_now())
    # After the commit: the event and the alert of a refusal stay.
    if refused:
        raise JoinRefused(*refused)
    return encrypt_answer(key, request, shared_configuration(invitation.name, urls_instead(invitation)))


def _verifier(invitation: HostInvitation | None) -> bytes:
    """Random bytes, which no proof fits, for an invitation that does not exist."""
    if invitation is None:
        return os.urandom(KEY_BYTES)
    try:
        return verifier(invitation)
    except DecryptionFailed:
        return os.urandom(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class _Machine:
    place: str
    name: str
    address: str


def _refusal(
    invitation: HostInvitation, request: JoinRequest, address: str, now: datetime
) -> tuple[str, JoinProblem] | None:
    """Why the machine, which has the secret, is not admitted; None after the invitation was used up for it."""
    machine = _Machine(request["machine"]["place"], request["machine"]["name"] or address, address)
    again = "Write a new line on the main machine: `skycam hosts invite NAME`."
    if invitation.withdrawn_at is not None:
        by = invitation.withdrawn_by or "someone"
        return f"{by} withdrew this invitation at {invitation.withdrawn_at:%H:%M} UTC. {again}", "invitation-over"
    if invitation.used_at is not None and invitation.used_place != machine.place:
        return _refuse_second(invitation, machine), "invitation-used"
    if invitation.expires_at <= now:
        return f"This invitation expired at {invitation.expires_at:%H:%M} UTC. {again}", "invitation-over"
    host = CameraHost.objects.filter(pk=invitation.name).first()
    if host and host.leased_until is not None and host.leased_until > now and invitation.used_at is None:
        return f"A host named {invitation.name} runs already. {again}", "invitation-over"
    # Its answer may have been lost: then the same machine asks again, and nothing changes.
    if invitation.used_at is None:
        _use(invitation, machine, now)
    return None


def _refuse_second(invitation: HostInvitation, machine: _Machine) -> str:
    first = f"{invitation.used_by} at {invitation.used_from}"
    message = (
        f"The machine {machine.name} at {machine.address} tried to join with the invitation of the host "
        f"{invitation.name}, which {first} has used. Its line is in other hands, or the machine was copied."
    )
    record_event("host.invitation_used_twice", message, camera=None, severity="error", subject=invitation.name)
    # Without addresses: viewers see alerts.
    known = f"A second machine tried to join with the invitation of the host {invitation.name}."
    raise_alert(f"host.invitation:{invitation.name}", known, camera=None, severity="error")
    return (
        f"Another machine, {first}, used this invitation at {invitation.used_at:%H:%M} UTC. An invitation is for one "
        "machine. If that was not you, change the passwords of database and broker."
    )


def _use(invitation: HostInvitation, machine: _Machine, now: datetime) -> None:
    invitation.used_at, invitation.used_from = now, machine.address
    invitation.used_by, invitation.used_place = machine.name, machine.place
    invitation.save(update_fields=["used_at", "used_from", "used_by", "used_place"])
    if invitation.replaces:
        CameraHost.objects.filter(pk=invitation.name).update(
            retired_at=None, retired_by="", retired_files="", draining_since=None, draining_by="", drained_at=None
        )
    message = f"The machine {machine.name} at {machine.address} joined as the host {invitation.name}."
    record_event("host.joined", message, camera=None, actor=invitation.created_by, subject=invitation.name)
