"""Health checks of the broker, the camera hosts and the cameras, as findings and for `health/`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import Heartbeat
from core.broker import broker
from core.broker.broker import BrokerDown
from core.findings import Finding, NotObserved
from core.text.sentences import sentence
from core.versions import version_problem

NAMED_BY = ("id", "slug", "name")
"""What a finding needs of its camera. A whole row has JSON, which takes longer to read than all the rest."""


class HostHealth(TypedDict):
    """`version`, `clock`, `ahead_s` and `database_ahead_s` as in its heartbeat; empty, and null, while there is
    none."""

    host: str
    alive: bool
    version: str
    clock: str
    ahead_s: float | None
    database_ahead_s: float | None


def broker_problems() -> list[Finding]:
    try:
        with broker.reachable() as server:
            server.ping()
    except BrokerDown as error:
        return [Finding(str(error))]
    return []


def host_problems() -> list[Finding]:
    """NotObserved while the broker is away: the hosts are unknown then."""
    cameras = list(Camera.objects.present().only(*NAMED_BY, "host", "enabled", "restricted"))
    try:
        beats = status.read_heartbeats({camera.host for camera in cameras if camera.enabled})
    except BrokerDown as error:
        raise NotObserved from error
    silent = [
        finding for host, beat in beats.items() if beat is None for finding in silent_host_findings(host, cameras)
    ]
    numbers = {host: (beat.get("schema"), beat.get("protocol")) for host, beat in beats.items() if beat is not None}
    problems = {host: version_problem(host, *found) for host, found in numbers.items()}
    return silent + [Finding(problem, host=host) for host, problem in problems.items() if problem]


def silent_host_findings(host: str, cameras: list[Camera]) -> list[Finding]:
    """One finding for everyone; if all of the host's cameras are restricted, one for each, for those who may see it."""
    silent = f"The camera host {host} does not answer. Start `skycam up` there."
    there = [camera for camera in cameras if camera.host == host]
    if not all(camera.restricted for camera in there):
        return [Finding(silent, host=host)]
    return [Finding(silent, camera, host) for camera in there]


def camera_problems() -> list[Finding]:
    """NotObserved while the broker is away."""
    cameras = {camera.slug: camera for camera in Camera.objects.present().filter(enabled=True).only(*NAMED_BY)}
    try:
        found = status.read_fields(cameras, ["observed", "reason"])
    except BrokerDown as error:
        raise NotObserved from error
    return [
        Finding(
            sentence("{camera} is quarantined: {why}", camera=cameras[slug], why=one["reason"]),
            cameras[slug],
            # The Supervisor raises this alert; a second one of the health check would repeat it.
            alert=f"camera.quarantined:{slug}",
        )
        for slug, one in found.items()
        if one["observed"] == "quarantined"
    ]


def host_health(cameras: Iterable[Camera]) -> list[HostHealth]:
    """The hosts of these cameras, and what their heartbeats say. BrokerDown."""
    beats = status.read_heartbeats({camera.host for camera in cameras})
    return [_host_health(name, beat) for name, beat in beats.items()]


def _host_health(name: str, found: Heartbeat | None) -> HostHealth:
    beat = found or Heartbeat(host=name)
    return HostHealth(
        host=name,
        alive=found is not None,
        version=beat.get("version", ""),
        clock=beat.get("clock", ""),
        ahead_s=beat.get("ahead_s"),
        database_ahead_s=beat.get("database_ahead_s"),
    )
