"""Health checks of the broker, the camera hosts and the cameras, as findings and for `health/`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from cameras.models import Camera
from cameras.status import status
from core.broker import broker
from core.broker.broker import BrokerDown
from monitoring.health import Finding


class HostHealth(TypedDict):
    host: str
    alive: bool


def broker_problems() -> list[Finding]:
    try:
        with broker.reachable() as server:
            server.ping()
    except BrokerDown as error:
        return [Finding(str(error))]
    return []


def host_problems() -> list[Finding]:
    """No findings while the broker is away: the hosts are unknown then."""
    cameras = list(Camera.objects.present())
    try:
        hosts = host_health(camera for camera in cameras if camera.enabled)
    except BrokerDown:
        return []
    return [finding for one in hosts if not one["alive"] for finding in silent_host_findings(one["host"], cameras)]


def silent_host_findings(host: str, cameras: list[Camera]) -> list[Finding]:
    """One finding for everyone; if all of the host's cameras are restricted, one for each, for those who may see it."""
    sentence = f"The camera host {host} does not answer. Start `skycam up` there."
    there = [camera for camera in cameras if camera.host == host]
    if not all(camera.restricted for camera in there):
        return [Finding(sentence, host=host)]
    return [Finding(sentence, camera, host) for camera in there]


def camera_problems() -> list[Finding]:
    cameras = {camera.slug: camera for camera in Camera.objects.present().filter(enabled=True)}
    try:
        found = status.read_statuses(cameras.values())
    except BrokerDown:
        return []
    ill = (one for one in found.values() if one["observed"] == "quarantined")
    return [
        Finding(
            f"{one['camera']} is quarantined: {one['reason']}",
            cameras[one["camera"]],
            # The Supervisor raises this alert; a second one of the health check would repeat it.
            alert=f"camera.quarantined:{one['camera']}",
        )
        for one in ill
    ]


def host_health(cameras: Iterable[Camera]) -> list[HostHealth]:
    """The hosts of these cameras, and whether each has a heartbeat. BrokerDown."""
    names = sorted({camera.host for camera in cameras})
    with broker.reachable() as server:
        pipe = server.pipeline(transaction=False)
        for name in names:
            pipe.exists(broker.key("host", name))
        beats = pipe.execute()
    return [HostHealth(host=name, alive=bool(beat)) for name, beat in zip(names, beats, strict=True)]
