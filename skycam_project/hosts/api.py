"""The routes of hosts."""

from __future__ import annotations

from typing import TypedDict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from skycam_project.access.permissions import ANYONE
from skycam_project.hosts.admission import admit_machine, count_join
from skycam_project.hosts.draining import drain_host, undrain_host
from skycam_project.hosts.host_list import CameraHostBody, host_bodies, host_body
from skycam_project.hosts.requests import JoinBody, RetireRequest
from skycam_project.hosts.retiring import RetirementBody, retire_host


class JoinAnswer(TypedDict):
    answer: str


class HostList(TypedDict):
    results: list[CameraHostBody]


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
        return Response(JoinAnswer(answer=answer), headers={"Cache-Control": "no-store"})


class HostsView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(operation_id="hosts_list", responses=HostList)
    def get(self, request: Request) -> Response:
        """All hosts, by name. A retired one stays listed."""
        return Response({"results": host_bodies(request.user)})


class HostView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(operation_id="hosts_show", responses=CameraHostBody)
    def get(self, request: Request, name: str) -> Response:
        return Response(host_body(request.user, name))


class DrainView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="hosts_drain", request=None, responses=CameraHostBody)
    def post(self, request: Request, name: str) -> Response:
        """Let its sessions end at their next window; nothing new starts there. Nothing is moved."""
        drain_host(name, request.user.get_username())
        return Response(host_body(request.user, name))


class UndrainView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="hosts_undrain", request=None, responses=CameraHostBody)
    def post(self, request: Request, name: str) -> Response:
        """End the draining. Sessions that were stopped are not started again."""
        undrain_host(name, request.user.get_username())
        return Response(host_body(request.user, name))


class RetireView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="hosts_retire", request=RetireRequest, responses=RetirementBody)
    def post(self, request: Request, name: str) -> Response:
        """Retire a host that is gone and has no cameras. Its name is free again only for an invitation with `again`."""
        wanted = RetireRequest.model_validate(request.data)
        actor = request.user.get_username()
        return Response(retire_host(name, wanted.files, actor, lost=wanted.lost, dry_run=wanted.dry_run))
