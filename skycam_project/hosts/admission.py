"""Admits a machine that has the line of an invitation: checks its proof, uses the invitation up, and encrypts what the
machine gets."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import transaction

from cameras.models import CameraHost, HostInvitation
from core import database_clock
from core.addresses import client_network
from core.events.service import raise_alert, record_event
from core.limits.refusals import count_refusal
from core.secrets import DecryptionFailed
from core.window_count import count_in_window
from skycam_project.hosts.exchange import KEY_BYTES, JoinRequest, encrypt_answer, is_proved
from skycam_project.hosts.invitations import urls_instead, verifier
from skycam_project.hosts.shared import shared_configuration

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
