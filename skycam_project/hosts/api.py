"""The routes of hosts, what a machine that joins sends, and EXCEPTIONS: the API's problems for the exceptions of
hosts and invitations."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict, cast
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from pydantic import AfterValidator, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.model import StrictModel
from core.api.problems import ErrorBody, ExceptionTable, Problem, from_message, invalid
from core.text.names import Line, readable
from skycam_project.access.authentication import ANYONE
from skycam_project.hosts.exchange import FORMAT, JoinRequest
from skycam_project.hosts.host_list import CameraHostBody, drain_host, host_bodies, host_body, undrain_host
from skycam_project.hosts.invitations import HostRefused, JoinRefused, TooManyJoins, admit_machine, count_join
from skycam_project.hosts.retiring import RetirementBody, retire_host
from skycam_project.hosts.shared import NotShareable


class MachineBody(StrictModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    place: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, Field(max_length=255), AfterValidator(readable)]
    version: Annotated[Line, Field(max_length=40)]


class JoinBody(StrictModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)]
    invitation: Annotated[UUID, Field(strict=False)]
    nonce: Annotated[str, Field(min_length=16, max_length=100)]
    machine: MachineBody
    proof: Annotated[str, Field(min_length=64, max_length=64)]

    def as_request(self) -> JoinRequest:
        assert self.format == FORMAT
        return cast(JoinRequest, {**self.model_dump(mode="json"), "invitation": str(self.invitation)})


class RetireRequest(StrictModel):
    """`files`: `keep` keeps the rows of the host's files, `forget` removes them. `lost`: its disk is, with the records
    in its spool. `dry_run` only counts."""

    model_config = ConfigDict(extra="forbid", strict=True)
    files: Literal["keep", "forget"]
    lost: bool = False
    dry_run: bool = False


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


def join_refused(error: JoinRefused) -> Problem:
    return Problem(error.problem, str(error), is_expected=True)


def too_many_joins(error: TooManyJoins) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.wait_s)})


def not_shareable(error: NotShareable) -> Problem:
    return invalid([ErrorBody(field="", message=message) for message in error.problems])


EXCEPTIONS: ExceptionTable = {
    HostRefused: from_message("host-refused"),
    JoinRefused: join_refused,
    NotShareable: not_shareable,
    TooManyJoins: too_many_joins,
}


urlpatterns = [
    # Before the hosts: a name would match these too.
    path("join/", JoinView.as_view()),
    path("", HostsView.as_view()),
    path("<slug:name>/", HostView.as_view()),
    path("<slug:name>/drain/", DrainView.as_view()),
    path("<slug:name>/undrain/", UndrainView.as_view()),
    path("<slug:name>/retire/", RetireView.as_view()),
]
