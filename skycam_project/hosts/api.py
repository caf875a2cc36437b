"""The routes of hosts and their invitations."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.models import HostInvitation
from core import database_clock
from skycam_project.access.permissions import ANYONE
from skycam_project.hosts.admission import admit_machine, count_join
from skycam_project.hosts.invitations import (
    InvitationBody,
    NewInvitationBody,
    invitation_body,
    invitations,
    invite_host,
    new_invitation_body,
    withdraw_invitation,
)
from skycam_project.hosts.requests import InvitationRequest, JoinBody

SHOWN_ONCE = {"Cache-Control": "no-store"}


class JoinAnswer(TypedDict):
    answer: str


class InvitationList(TypedDict):
    results: list[InvitationBody]


class JoinView(APIView):
    """For `skycam join` on a new machine, which has no user: the line of the invitation is its permission."""

    roles = {"POST": ANYONE}
    authentication_classes = []

    @extend_schema(operation_id="hosts_join", request=JoinBody, responses=JoinAnswer, auth=[])
    def post(self, request: Request) -> Response:
        """What the new machine needs, encrypted for the holder of the line."""
        address = request.META.get("REMOTE_ADDR", "")
        count_join(address)
        answer = admit_machine(JoinBody.model_validate(request.data).as_request(), address)
        return Response(JoinAnswer(answer=answer), headers=SHOWN_ONCE)


class InvitationsView(APIView):
    roles = {"GET": "manager", "POST": "manager"}

    @extend_schema(operation_id="hosts_list_invitations", responses=InvitationList)
    def get(self, request: Request) -> Response:
        """All invitations, the newest first."""
        now = database_clock.read_now()
        return Response({"results": [invitation_body(one, now) for one in invitations()]})

    @extend_schema(operation_id="hosts_invite", request=InvitationRequest, responses={201: NewInvitationBody})
    def post(self, request: Request) -> Response:
        """Invite a machine. Its `line`, for `skycam join`, is shown only now; it works once, for an hour."""
        invitation, line = invite_host(InvitationRequest.model_validate(request.data), request.user.get_username())
        body = new_invitation_body(invitation, line, database_clock.read_now())
        return Response(body, 201, headers=SHOWN_ONCE)


class InvitationView(APIView):
    roles = {"GET": "manager", "DELETE": "manager"}

    @extend_schema(operation_id="hosts_show_invitation", responses=InvitationBody)
    def get(self, request: Request, invitation: UUID) -> Response:
        return Response(invitation_body(HostInvitation.objects.get(pk=invitation), database_clock.read_now()))

    @extend_schema(operation_id="hosts_withdraw_invitation", responses={204: None})
    def delete(self, request: Request, invitation: UUID) -> Response:
        """Withdraw it, so that no machine joins with its line."""
        withdraw_invitation(HostInvitation.objects.get(pk=invitation), request.user.get_username())
        return Response(status=204)
