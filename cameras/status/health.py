"""Health checks of the broker, the camera hosts and the cameras; and metrics of cameras for Prometheus, from the
status that their hosts publish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypedDict

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from cameras.models import Camera
from cameras.selectors import cameras_for
from cameras.status import status
from cameras.status.messages import Heartbeat
from cameras.status.process_usage import read_usages
from cameras.status.status import read_fields
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


Value = Callable[[dict[str, Any]], float | None]
FIELDS = ("observed", "session", "temperature_celsius", "fps", "battery_percent", "card_free_bytes")
"""The fields of the status that are read."""
OF_CAMERA: dict[str, tuple[str, Value]] = {
    "skycam_camera_temperature_celsius": (
        "Camera temperature in degrees Celsius.",
        lambda status: status["temperature_celsius"],
    ),
    "skycam_active_captures": (
        "Number of active capture sessions.",
        lambda status: float(status["session"] is not None and status["session"]["state"] == "running"),
    ),
    "skycam_camera_ready": (
        "Whether the camera can take pictures now.",
        lambda status: float(status["observed"] in {"ready", "busy"}),
    ),
    "skycam_camera_frames_per_second": ("Frames per second that the camera delivers.", lambda status: status["fps"]),
    "skycam_camera_battery_ratio": (
        "Charge of the camera's battery, from 0 to 1.",
        lambda status: None if status["battery_percent"] is None else status["battery_percent"] / 100,
    ),
    "skycam_camera_card_free_bytes": (
        "Free bytes on the camera's memory card.",
        lambda status: status["card_free_bytes"],
    ),
}
"""Metric -> what it means, and its value; None is left out."""
OUTCOMES = ("planned", "saved", "failed", "skipped")


def camera_metrics(user: Any) -> Iterator[Metric]:
    """A camera whose host does not answer has no value: its last one would be shown as a measurement. All are left out
    while the broker does not answer."""
    slugs = list(cameras_for(user).order_by("slug").values_list("slug", flat=True))
    try:
        statuses = read_fields(slugs, FIELDS)
    except BrokerDown:
        return
    for name, (meaning, value_of) in OF_CAMERA.items():
        family = GaugeMetricFamily(name, meaning, labels=["camera"])
        for slug, found in statuses.items():
            if (value := value_of(found)) is not None:
                family.add_metric([slug], value)
        yield family
    yield _session_captures(statuses)
    yield from _process_usages(list(statuses))


def _session_captures(statuses: dict[str, dict[str, Any]]) -> Metric:
    family = GaugeMetricFamily(
        "skycam_session_captures", "Captures of the camera's active session, by outcome; planned is their sum.",
        labels=["camera", "outcome"],
    )  # fmt: skip
    for slug, found in statuses.items():
        if session := found["session"]:
            for outcome in OUTCOMES:
                family.add_metric([slug, outcome], session[outcome])
    return family


def _process_usages(slugs: list[str]) -> Iterator[Metric]:
    usages = read_usages(slugs)
    processor = GaugeMetricFamily(
        "skycam_camera_process_cpu_ratio", "Processors that the camera's process uses; 1 is one whole processor.",
        labels=["camera"],
    )  # fmt: skip
    memory = GaugeMetricFamily(
        "skycam_camera_process_memory_bytes", "Proportional set size of the camera's process.", labels=["camera"]
    )
    for slug, usage in usages.items():
        processor.add_metric([slug], usage["cpu_percent"] / 100)
        memory.add_metric([slug], usage["memory_bytes"])
    yield processor
    yield memory
