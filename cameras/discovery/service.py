"""Discovery: the cameras attached to the station's hosts, in use or free, and the id under which each could be
added."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TypedDict

from django.conf import settings

from cameras.child_environment import scrubbed_environment
from cameras.commands import control
from cameras.commands.control import SentCommand
from cameras.commands.messages import DETECT, DiscoveredDevice, DiscoveryAnswer
from cameras.discovery.local import TIMEOUT_S, discover_devices
from cameras.errors import ControlError, TooSlow
from cameras.models import Camera, CameraHost
from core import database_clock
from core.broker import broker

# More than the search itself takes, for the way there and for killing processes that hang.
WAIT_S = TIMEOUT_S + 3.0
FORGET_HOST_AFTER = timedelta(days=7)
"""A host without cameras is left out once it was absent for this long."""
# Of the 40 characters of a slug, the rest is for a number such as `-12`.
MAX_SLUG_LENGTH = 36


def host_names() -> list[str]:
    """The hosts with cameras, the hosts seen lately, and this one."""
    lately = CameraHost.objects.filter(leased_until__gt=database_clock.now() - FORGET_HOST_AFTER)
    with_cameras = Camera.objects.present().values_list("host", flat=True)
    return sorted({settings.STATION.host, *with_cameras, *lately.values_list("name", flat=True)})


def discover_cameras() -> DiscoveredList:
    """Ask all hosts at once. A host that does not answer is listed as a problem. BrokerDown."""
    # All are sent before the first answer is awaited, so that the hosts search at the same time.
    requests = {host: _request_discovery(host) for host in host_names()}
    listed: list[tuple[str, DiscoveredDevice]] = []
    problems: list[DiscoveryProblem] = []
    for host, sent in requests.items():
        try:
            answer = _wait_for_host(host, sent)
        except ControlError as error:
            problems.append(DiscoveryProblem(host=host, kind="", message=error.detail))
        else:
            problems += problem_list(host, answer["problems"])
            listed += [(host, device) for device in answer["results"]]
    return DiscoveredList(hosts=list(requests), results=describe_cameras(listed), problems=problems)


def discover_local_cameras(why: str) -> DiscoveredList:
    """Discover the cameras of this machine only, from this process; `why` becomes a problem. Which cameras Skycam holds
    is not known here."""
    host = settings.STATION.host
    found = discover_devices(scrubbed_environment(settings.STATION.camera_environment))
    problems = [DiscoveryProblem(host="", kind="", message=why), *problem_list(host, found.problems)]
    results = describe_cameras((host, device) for device in found.results)
    return DiscoveredList(hosts=[host], results=results, problems=problems)


def _request_discovery(host: str) -> SentCommand[DiscoveryAnswer] | None:
    """None when the host has no heartbeat."""
    with broker.reachable() as server:
        # A host that is down costs no wait.
        if not server.exists(broker.key("host", host)):
            return None
        deadline_ms = broker.time_ms(server) + int(WAIT_S * 1000)
    return control.send_host_command(host, DETECT, wait_s=WAIT_S, deadline_ms=deadline_ms)


def _wait_for_host(host: str, sent: SentCommand[DiscoveryAnswer] | None) -> DiscoveryAnswer:
    if sent is None:
        raise ControlError(f"The camera host {host} does not answer. Start `skycam up` there.", "host-down")
    try:
        return control.wait_for_answer(sent)
    except TooSlow:
        raise TooSlow(f"The camera host {host} did not answer within {WAIT_S:g} s. Try again.") from None


def problem_list(host: str, problems: Mapping[str, str]) -> list[DiscoveryProblem]:
    return [DiscoveryProblem(host=host, kind=kind, message=message) for kind, message in problems.items()]


def describe_cameras(devices: Iterable[tuple[str, DiscoveredDevice]]) -> list[Discovered]:
    """Each device with the camera that it is already, or a free id under which it could be added. `devices`: host,
    device."""
    cameras = list(Camera.objects.present())
    taken = {camera.slug for camera in cameras}
    found: list[Discovered] = []
    for host, one in devices:
        # The host knows it for certain from the process that has the device open; an address or serial number may match
        # two.
        slug = one.get("camera") or _camera_of(host, one, cameras)
        suggested = "" if slug else _free_slug(one["model"] or one["kind"], taken)
        # Two devices of one model in the same search get different ids.
        taken.add(suggested)
        found.append(
            Discovered(
                host=host, kind=one["kind"], label=one["label"], address=one["address"], model=one["model"],
                serial=one["serial"], camera=slug, held_by=one["held_by"], suggested=suggested,
            )
        )  # fmt: skip
    return found


def _camera_of(host: str, one: DiscoveredDevice, cameras: Iterable[Camera]) -> str | None:
    """The slug of the camera with this address or serial number; it may be off or disconnected."""
    for camera in cameras:
        if (camera.host, camera.kind) == (host, one["kind"]) and _is_same(camera, one):
            return camera.slug
    return None


def _is_same(camera: Camera, one: DiscoveredDevice) -> bool:
    # An empty serial number would match every camera without an address. The address of some kinds is a serial number.
    serials = {camera.address, camera.identity.get("serial")} - {"", None}
    return camera.address == one["address"] or one["serial"] in serials


def _free_slug(model: str, taken: set[str]) -> str:
    """`Nikon DSC D750` is `nikon-dsc-d750`, or `nikon-dsc-d750-2`."""
    base = re.sub(r"[^a-z0-9]+", "-", model.lower())[:MAX_SLUG_LENGTH].strip("-") or "camera"
    # One name more than there are ids, so `next` always finds a free one.
    names = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


class Discovered(TypedDict):
    """`camera` is the id under which it is already added; `held_by` names another program that has it open, where
    known; `suggested` is a free id for it, empty where it is already added."""

    host: str
    kind: str
    label: str
    address: str
    model: str
    serial: str
    camera: str | None
    held_by: str
    suggested: str


class DiscoveryProblem(TypedDict):
    """A host that did not answer (`kind` is empty), or a kind whose discovery failed there."""

    host: str
    kind: str
    message: str


class DiscoveredList(TypedDict):
    hosts: list[str]
    results: list[Discovered]
    problems: list[DiscoveryProblem]
