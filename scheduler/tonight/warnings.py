"""What will prevent the planned runs of a night, as far as it can be seen now: cameras, agendas, disks and gates. Web
processes read the status of the cameras from the broker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone

from cameras.models import Camera, desired_connection
from cameras.runtime.disk_reserve import DISK_RESERVE_BYTES
from cameras.status.status import read_statuses
from captures.roots.roots import UnusableRoot, root_of
from captures.sessions.forecast import free_bytes, rounded
from captures.sessions.models import ACTIVE, Session
from core.broker.broker import BrokerDown
from core.templatetags.skycam import format_bytes
from scheduler.planning.rules import Site
from scheduler.runs.models import PlannedRun
from scheduler.tonight.night import Night, NightWarning, Run, Severity

if TYPE_CHECKING:
    from cameras.runtime.messages import AgendaStatus
    from cameras.status.messages import Status

TRANSIT = timedelta(seconds=10)
"""How long a new run may be on its way to the agenda of its camera process."""
REACH = timedelta(days=1)
"""Of the runs that are compared with an agenda: it reaches further."""
UNSAVED_PICTURES = 3
"""This many pictures may be on the card of a camera that deletes them once they are saved."""
WITHOUT_CAMERA: dict[str, tuple[Severity, str, str]] = {
    "disabled": ("error", "camera_disabled", "is disabled: enable it"),
    "disconnected": ("error", "camera_disconnected", "is disconnected: connect it"),
    "host_down": ("error", "host_down", "has a host that does not answer: start `skycam up` there"),
    "quarantined": ("error", "camera_quarantined", "is quarantined"),
    "reconnecting": ("warning", "camera_unreachable", "does not answer; Skycam retries"),
    "starting": ("warning", "camera_unreachable", "is being opened"),
}
"""State of a camera in which it takes no pictures -> severity, reason and words."""
HOST_STATES = ("disabled", "disconnected", "host_down")
"""In which there is no camera process, or the state says enough."""


def warnings_of(night: Night, statuses: Mapping[str, Status] | None, now: datetime) -> list[NightWarning]:
    """The errors first. `statuses` by camera; None while the broker is away. Empty for a dry run, and once all runs are
    over."""
    runs = [] if night.dry_run else [run for run in night.runs if run.state in ACTIVE and run.end > now]
    if not runs:
        return []
    found = [*_disk_warnings(runs, now)]
    if statuses is None:
        message = "The broker does not answer, so it is unknown whether the cameras are ready. Agendas are kept."
        found.append(NightWarning("warning", "broker", message))
    else:
        found += _camera_warnings(runs, statuses, night.site, now)
    return sorted(found, key=lambda one: one.severity)


def _camera_warnings(
    runs: list[Run], statuses: Mapping[str, Status], site: Site, now: datetime
) -> Iterator[NightWarning]:
    cameras = {run.camera.pk: run.camera for run in runs}
    next_runs = _next_runs(cameras, now)
    for camera in cameras.values():
        status = statuses.get(camera.slug)
        observed = desired_connection(camera)
        if observed == "connected":
            observed = status["observed"] if status else "host_down"
        if observed in WITHOUT_CAMERA:
            yield _state_warning(camera, observed, status)
        if status is None or observed in HOST_STATES:
            continue
        run = next_runs.get(camera.pk)
        # A host of an older version publishes no agenda.
        if run and "agenda" in status and not _is_known(run, status["agenda"], now):
            yield _agenda_warning(camera, run, status["agenda"], site)
        yield from _gate_warnings(camera, status)
        yield from _card_warnings(camera, status, [one for one in runs if one.camera.pk == camera.pk], now)


def _state_warning(camera: Camera, observed: str, status: Status | None) -> NightWarning:
    severity, reason, words = WITHOUT_CAMERA[observed]
    # Of the host's states the reason repeats the words.
    cause = status["reason"] if status and observed not in HOST_STATES else ""
    return NightWarning(severity, reason, f"{camera.name} {words}{f': {cause}' if cause else '.'}", camera)


def _next_runs(cameras: Iterable[UUID], now: datetime) -> dict[UUID, PlannedRun]:
    """The next run of each camera that has not begun."""
    rows = list(PlannedRun.objects.filter(camera__in=list(cameras), begins_at__gt=now, begins_at__lt=now + REACH))
    begun = set(Session.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    found: dict[UUID, PlannedRun] = {}
    for row in rows:
        if row.pk not in begun:
            found.setdefault(row.camera_id, row)
    return found


def _is_known(run: PlannedRun, agenda: AgendaStatus | None, now: datetime) -> bool:
    """Whether the camera process will begin the run, or another one before it."""
    if run.created_at > now - TRANSIT:
        return True
    if agenda is None or agenda["next_at"] is None:
        return False
    next_at = datetime.fromisoformat(agenda["next_at"])
    return next_at <= now or (agenda["next_run"] == str(run.pk) and abs(next_at - run.begins_at) < timedelta(seconds=1))


def _agenda_warning(camera: Camera, run: PlannedRun, agenda: AgendaStatus | None, site: Site) -> NightWarning:
    at = f"{run.name}, {run.begins_at.astimezone(site.zone):%H:%M}"
    message = f"The process of {camera.name} does not hold the next run ({at}) in its agenda: "
    if agenda is None:
        message += "its storage root is not open."
    elif agenda["next_at"]:
        other = datetime.fromisoformat(agenda["next_at"]).astimezone(site.zone)
        message += f"its own next run begins at {other:%H:%M}."
    else:
        message += "it holds no run."
    return NightWarning(
        "error", "agenda", f"{message} If this stays for a minute, restart the worker of its host.", camera
    )


def _gate_warnings(camera: Camera, status: Status) -> Iterator[NightWarning]:
    for gate in status["gates"]:
        if not gate["open"]:
            message = f"{camera.name} takes no pictures now. {gate['sentence']}"
            yield NightWarning("warning", "unsafe", message, camera)


def _disk_warnings(runs: list[Run], now: datetime) -> Iterator[NightWarning]:
    """One for each disk: cameras may share it."""
    by_root: dict[str, list[Run]] = {}
    root_of_camera = cache(_root_of)
    for run in runs:
        by_root.setdefault(root_of_camera(run.camera), []).append(run)
    for own in by_root.values():
        needed, free = _remaining_bytes(own, now), free_bytes(own[0].camera)
        if needed is not None and free is not None and needed > free - DISK_RESERVE_BYTES:
            cameras = ", ".join(sorted({run.camera.name for run in own}))
            room = (
                f"{format_bytes(free)} are free on the disk, of which {format_bytes(DISK_RESERVE_BYTES)} stay reserved"
            )
            message = f"The runs of {cameras} need about {_size(needed)}; {room}."
            yield NightWarning("error", "disk_full", message, own[0].camera)


def _root_of(camera: Camera) -> str:
    try:
        return root_of(camera)["id"]
    except UnusableRoot:
        return camera.slug


def _card_warnings(camera: Camera, status: Status, runs: list[Run], now: datetime) -> Iterator[NightWarning]:
    free = status["card_free_bytes"]
    if free is None or camera.settings.get("capture_target") == "memory":
        return
    needed = _remaining_bytes(runs, now) if camera.settings.get("keep_on_card") else _unsaved_bytes(runs)
    if needed is not None and needed > free:
        message = (
            f"The runs of {camera.name} need about {_size(needed)} on its card, which has {format_bytes(free)} free."
        )
        yield NightWarning("error", "card_full", message, camera)


def _remaining_bytes(runs: list[Run], now: datetime) -> int | None:
    """What the runs will still write. None while the size of a picture is unknown."""
    sizes = [run.amount.bytes for run in runs]
    if None in sizes:
        return None
    return round(sum((size or 0) * _remaining_share(run, now) for run, size in zip(runs, sizes, strict=True)))


def _remaining_share(run: Run, now: datetime) -> float:
    whole = sum(((end - begin) for begin, end in run.windows), timedelta())
    left = sum((max(timedelta(), end - max(begin, now)) for begin, end in run.windows), timedelta())
    return left / whole


def _unsaved_bytes(runs: list[Run]) -> int | None:
    sizes = [run.amount.bytes / run.amount.pictures for run in runs if run.amount.bytes and run.amount.pictures]
    return round(UNSAVED_PICTURES * max(sizes)) if sizes else None


def _size(size: int) -> str:
    return format_bytes(rounded(float(size)))


def present_warnings(night: Night) -> list[NightWarning]:
    """Without a look at the broker for a night that has no runs."""
    cameras = {run.camera.slug: run.camera for run in night.runs}
    try:
        statuses = read_statuses(cameras.values()) if cameras and not night.dry_run else {}
    except BrokerDown:
        return warnings_of(night, None, timezone.now())
    return warnings_of(night, statuses, timezone.now())
