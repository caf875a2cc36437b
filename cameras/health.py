"""What is wrong with broker, camera hosts and cameras, as sentences; and how they are, for `health/`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from cameras import broker, status
from cameras.broker import BrokerDown
from cameras.models import Camera


class HostHealth(TypedDict):
    host: str
    alive: bool


def broker_problems() -> list[str]:
    try:
        with broker.reachable() as server:
            server.ping()
    except BrokerDown as error:
        return [str(error)]
    return []


def host_problems() -> list[str]:
    """Nothing while the broker is away: then nobody knows."""
    try:
        hosts = hosts_of(Camera.objects.present().filter(enabled=True))
    except BrokerDown:
        return []
    return [
        f"The camera host {one['host']} does not answer. Start `skycam up` there." for one in hosts if not one["alive"]
    ]


def camera_problems() -> list[str]:
    try:
        found = status.read_all(Camera.objects.present().filter(enabled=True))
    except BrokerDown:
        return []
    ill = (one for one in found.values() if one["observed"] == "quarantined")
    return [f"{one['camera']} is quarantined: {one['reason']}" for one in ill]


def hosts_of(cameras: Iterable[Camera]) -> list[HostHealth]:
    """The hosts of these cameras, each with whether its heart beats. BrokerDown."""
    names = sorted({camera.host for camera in cameras})
    with broker.reachable() as server:
        pipe = server.pipeline(transaction=False)
        for name in names:
            pipe.exists(broker.key("host", name))
        beats = pipe.execute()
    return [HostHealth(host=name, alive=bool(beat)) for name, beat in zip(names, beats, strict=True)]
