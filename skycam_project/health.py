"""The station's health: `/healthz` (live) and `/readyz` (ready) for load balancers, without details, and `health/`
for people and monitoring, with the quick checks of `skycam doctor` for the answering machine. Checks that load
libraries, and Django's own checks, run only in doctor."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any, TypedDict

from django.conf import settings
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
from captures.roots.roots import free_disk_space_gb
from core.broker.broker import BrokerDown
from core.events.models import Alert
from core.events.selectors import alerts_for, hidden_cameras
from monitoring.health import findings_for, run_checks
from skycam_project.cli.diagnostics import NAMES_CAMERAS, run_check
from skycam_project.cli.diagnostics.finding import BROKEN, WARNING, Finding, TooSlow, run_within
from skycam_project.cli.station import Station

CACHE_S = 30.0
CHECKS = {
    "storage": "skycam_project.cli.diagnostics.database:storage",
    "partitions": "skycam_project.cli.diagnostics.database:partitions",
    "passwords": "skycam_project.cli.diagnostics.database:passwords",
    "station": "skycam_project.cli.diagnostics.database:station_checks",
    "clock": "skycam_project.cli.diagnostics.machine:clock",
    "libraries": "skycam_project.cli.diagnostics.machine:libraries",
    "desktop": "skycam_project.cli.diagnostics.machine:desktop",
}
REPORTED_ELSEWHERE = {"storage"}
"""Checks whose failures HEALTH reports where they matter: a machine without cameras needs no storage root."""

_lock = threading.Lock()
_cached: tuple[float, list[Finding]] | None = None


def machine_findings(user: Any) -> list[Finding]:
    """Findings at most CACHE_S old. Checks that name cameras are left out for a user who may not see all cameras."""
    # The findings are shared by all users, so they are filtered when they are read.
    unseen = NAMES_CAMERAS if hidden_cameras(user) else set()
    return [found for found in _cached_findings() if found.check not in unseen]


def problems(user: Any) -> dict[str, list[str]]:
    """Sentences of failed checks, by check."""
    return _by_check(
        one for one in machine_findings(user) if one.state == BROKEN and one.check not in REPORTED_ELSEWHERE
    )


def warnings(user: Any) -> dict[str, list[str]]:
    """Sentences of warnings, by check."""
    return _by_check(one for one in machine_findings(user) if one.state == WARNING)


def clear_cache() -> None:
    """Run the checks again at the next call."""
    global _cached
    _cached = None


def _by_check(findings: Iterable[Finding]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in findings:
        found.setdefault(one.check, []).append(f"{one.detail} {one.remedy}".strip())
    return found


def _cached_findings() -> list[Finding]:
    global _cached
    # Held while the checks run: requests that come meanwhile wait for this result instead of running the checks too.
    with _lock:
        if _cached is None or time.monotonic() - _cached[0] >= CACHE_S:
            station = Station()
            station.__dict__["config"] = settings.STATION  # as this process has it
            _cached = (
                time.monotonic(),
                [one for name, path in CHECKS.items() for one in run_check(name, path, station)],
            )
        return _cached[1]


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
            warnings=warnings(request.user),
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
    return {**problems(user), **found}


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
