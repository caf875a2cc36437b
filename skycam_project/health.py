"""The station's health: `/healthz` (live) and `/readyz` (ready) for load balancers, without details, and `health/` for
people and monitoring."""

from __future__ import annotations

import threading
from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.models import Camera, desired_connection
from cameras.selectors import cameras_for
from cameras.status import status
from cameras.status.health import HostHealth, host_health
from captures.roots.health import free_disk_space_gb
from core.broker.broker import BrokerDown
from core.events.models import Alert
from core.events.selectors import alerts_for
from monitoring.health import findings_for, run_checks
from skycam_project import host_diagnostics
from skycam_project.cli.diagnostics.finding import TooSlow, run_within


class CameraHealth(TypedDict):
    camera: str
    desired: str
    observed: str
    reason: str


class HostBody(HostHealth):
    """`problems` has the messages of the host's unresolved alerts that are about none of its cameras."""

    problems: list[str]


class HealthBody(TypedDict):
    """`status` is ok or broken. `problems` has a sentence for each thing that an operator must fix, by check: parts,
    database, broker, hosts, pages, cameras, disk, backups, notifications; and, for the answering machine, passwords and
    station. `warnings` are also for that machine: clock, storage, libraries, desktop, station; and partitions."""

    status: str
    problems: dict[str, list[str]]
    warnings: dict[str, list[str]]
    cameras: list[CameraHealth]
    free_disk_space_gb: float | None
    hosts: list[HostBody]
    broker: bool
    database: bool


READY_CHECKS = ("parts", "database", "broker", "hosts", "disk", "pages")
READY_WITHIN_S = 3.5
"""For one check: longer than the busy timeout of a request. A database that hangs may not answer for hours, and probes
come every few seconds."""
MAX_PROBES = 4
_probes = threading.BoundedSemaphore(MAX_PROBES)
"""Checks that run now, with those that hang: each has a thread until it ends."""


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """`ok` while this web process answers. It asks nothing else: restarting the process would mend nothing else."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200, or 503 with the names of READY_CHECKS that found a problem. No sentences: anyone may ask."""
    problems = [name for name in READY_CHECKS if not is_ready(name)]
    return JsonResponse({"ready": not problems, "problems": problems}, status=503 if problems else 200)


def is_ready(name: str) -> bool:
    """Whether this check finds nothing, within READY_WITHIN_S."""

    def find() -> bool:
        try:
            return not run_checks([name]).get(name)
        finally:
            _probes.release()

    if not _probes.acquire(timeout=READY_WITHIN_S):
        return False
    try:
        return run_within(READY_WITHIN_S, find)
    except TooSlow:
        return False


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
            hosts=host_bodies(request.user, cameras),
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


def host_bodies(user: Any, cameras: list[Camera]) -> list[HostBody]:
    """Empty while the broker is down: then the hosts' health is unknown."""
    try:
        hosts = host_health(cameras)
    except BrokerDown:
        return []
    problems: dict[str, list[str]] = {}
    unresolved = alerts_for(user).exclude(state=Alert.State.RESOLVED).filter(camera_uuid="", camera="")
    for host, message in unresolved.order_by("opened_at", "id").values_list("host", "message"):
        problems.setdefault(host, []).append(message)
    return [HostBody(**one, problems=problems.get(one["host"], [])) for one in hosts]
