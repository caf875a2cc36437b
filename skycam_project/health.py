"""The station's health: `/healthz` for load balancers, without details, and `health/` for people and monitoring."""

from __future__ import annotations

from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.models import Camera, desired_connection
from cameras.selectors import cameras_for
from cameras.status import status
from cameras.status.health import HostHealth, host_health
from captures.storage.health import free_disk_space_gb
from core.broker.broker import BrokerDown
from monitoring.health import database_problems, findings_for
from skycam_project import host_diagnostics


class CameraHealth(TypedDict):
    camera: str
    desired: str
    observed: str
    reason: str


class HealthBody(TypedDict):
    """`status` is ok or broken. `problems` has a sentence for each thing that an operator must fix, by check: parts,
    database, broker, hosts, cameras, disk; and, for the answering machine, passwords and station. `warnings` are also
    for that machine: clock, storage, libraries, desktop, station."""

    status: str
    problems: dict[str, list[str]]
    warnings: dict[str, list[str]]
    cameras: list[CameraHealth]
    free_disk_space_gb: float | None
    hosts: list[HostHealth]
    broker: bool
    database: bool


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """`ok`, or 503 when this web process cannot use the database. Gives no details."""
    # Not the broker: pages and saved pictures are served without it, and a load balancer would cut them off.
    if database_problems():
        return HttpResponse("not ok", status=503, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


class HealthView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses={200: HealthBody, 503: HealthBody})
    def get(self, request: Request) -> Response:
        """The station's health; 503 when something is broken that an operator must fix. Cameras that the user may not
        see are left out."""
        problems = all_problems(request.user)
        cameras = list(cameras_for(request.user))
        body = HealthBody(
            status="broken" if problems else "ok",
            problems=problems,
            warnings=host_diagnostics.warnings(request.user),
            cameras=camera_healths(cameras),
            free_disk_space_gb=free_disk_space_gb(),
            hosts=host_healths(cameras),
            broker="broker" not in problems,
            database="database" not in problems,
        )
        return Response(body, 503 if problems else 200)


def all_problems(user: Any) -> dict[str, list[str]]:
    """Problems of the station and of the answering machine."""
    found = {name: sentences for name, sentences in findings_for(user).items() if sentences}
    return {**host_diagnostics.problems(user), **found}


def camera_healths(cameras: list[Camera]) -> list[CameraHealth]:
    """The cameras' observed states; the last recorded ones while the broker is down."""
    try:
        found = status.read_statuses(cameras)
    except BrokerDown:
        return [
            CameraHealth(
                camera=camera.slug,
                desired=desired_connection(camera),
                observed=camera.observed,
                reason="The broker is down; this is the last known state.",
            )
            for camera in cameras
        ]
    return [
        CameraHealth(camera=slug, desired=one["desired"], observed=one["observed"], reason=one["reason"])
        for slug, one in found.items()
    ]


def host_healths(cameras: list[Camera]) -> list[HostHealth]:
    """Empty while the broker is down: then the hosts' health is unknown."""
    try:
        return host_health(cameras)
    except BrokerDown:
        return []
