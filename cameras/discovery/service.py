"""Discovery: the cameras attached to the station's hosts, in use or free, and the id under which each could be
added."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import uuid6
from django.conf import settings
from django.utils import timezone

from cameras.broker import broker
from cameras.commands import control
from cameras.commands.control import Command, ControlError, SentCommand
from cameras.discovery.local import TIMEOUT_S, discover_devices
from cameras.models import Camera, CameraHost
from cameras.serializers import Discovered, DiscoveredList, DiscoveryProblem
from cameras.supervision.child import scrubbed_environment

WAIT_S = TIMEOUT_S + 3.0
FORGET_HOST_AFTER = timedelta(days=7)
"""A host without cameras is left out once it was absent for this long."""
MAX_SLUG_LENGTH = 36


def host_names() -> list[str]:
    """The hosts with cameras, the hosts seen lately, and this one."""
    lately = CameraHost.objects.filter(leased_until__gt=timezone.now() - FORGET_HOST_AFTER)
    with_cameras = Camera.objects.present().values_list("host", flat=True)
    return sorted({settings.STATION.host, *with_cameras, *lately.values_list("name", flat=True)})


def discover_cameras() -> DiscoveredList:
    """Ask all hosts at once. A host that does not answer is listed as a problem. BrokerDown."""
    requests = {host: _request_discovery(host) for host in host_names()}
    listed: list[dict[str, Any]] = []
    problems: list[DiscoveryProblem] = []
    for host, sent in requests.items():
        try:
            answer = _wait_for_host(host, sent)
        except ControlError as error:
            problems.append(DiscoveryProblem(host=host, kind="", message=error.detail))
        else:
            problems += problem_list(host, answer)
            listed += answer["results"]
    return DiscoveredList(hosts=list(requests), results=describe_cameras(listed), problems=problems)


def discover_local_cameras(why: str) -> DiscoveredList:
    """Discover the cameras of this machine only, from this process; `why` becomes a problem. Which cameras Skycam holds
    is not known here."""
    host = settings.STATION.host
    answer = discover_devices(scrubbed_environment(settings.STATION.camera_environment))
    problems = [DiscoveryProblem(host="", kind="", message=why), *problem_list(host, answer)]
    results = describe_cameras({**one, "host": host} for one in answer["results"])
    return DiscoveredList(hosts=[host], results=results, problems=problems)


def _request_discovery(host: str) -> SentCommand | None:
    """None when the host has no heartbeat."""
    with broker.reachable() as server:
        if not server.exists(broker.key("host", host)):
            return None
        deadline_ms = broker.time_ms(server) + int(WAIT_S * 1000)
    command = Command(
        command_id=str(uuid6.uuid7()), camera="", slug="", order="detect", arguments={}, deadline_ms=deadline_ms
    )
    control.push_command(host, command)
    return control.sent_command(command["command_id"], WAIT_S)


def _wait_for_host(host: str, sent: SentCommand | None) -> dict[str, Any]:
    if sent is None:
        raise ControlError(f"The camera host {host} does not answer. Start `skycam up` there.", "host-down")
    try:
        answer = control.wait_for_answer(sent)
    except control.TooSlow:
        raise control.TooSlow(f"The camera host {host} did not answer within {WAIT_S:g} s. Try again.") from None
    return {**answer, "results": [{**one, "host": host} for one in answer["results"]]}


def problem_list(host: str, answer: dict[str, Any]) -> list[DiscoveryProblem]:
    return [DiscoveryProblem(host=host, kind=kind, message=message) for kind, message in answer["problems"].items()]


def describe_cameras(results: Iterable[dict[str, Any]]) -> list[Discovered]:
    """Each result with the camera that it is already, or a free id under which it could be added."""
    cameras = list(Camera.objects.present())
    taken = {camera.slug for camera in cameras}
    found: list[Discovered] = []
    for one in results:
        slug = one.get("camera") or _camera_of(one, cameras)
        suggested = "" if slug else _free_slug(one["model"] or one["kind"], taken)
        taken.add(suggested)
        found.append(
            Discovered(
                host=one["host"], kind=one["kind"], label=one["label"], address=one["address"], model=one["model"],
                serial=one["serial"], camera=slug, held_by=one["held_by"], suggested=suggested,
            )
        )  # fmt: skip
    return found


def _camera_of(one: dict[str, Any], cameras: Iterable[Camera]) -> str | None:
    """The slug of the camera with this address or serial number; it may be off or disconnected."""
    for camera in cameras:
        if (camera.host, camera.kind) == (one["host"], one["kind"]) and _is_same(camera, one):
            return camera.slug
    return None


def _is_same(camera: Camera, one: dict[str, Any]) -> bool:
    serials = {camera.address, camera.identity.get("serial")} - {"", None}
    return camera.address == one["address"] or one["serial"] in serials


def _free_slug(model: str, taken: set[str]) -> str:
    """`Nikon DSC D750` is `nikon-dsc-d750`, or `nikon-dsc-d750-2`."""
    base = re.sub(r"[^a-z0-9]+", "-", model.lower())[:MAX_SLUG_LENGTH].strip("-") or "camera"
    names = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)
