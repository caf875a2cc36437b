"""The agendas of cameras, from their planned runs; runs that have not begun some time after their begin, and sessions
that still wait inside of their window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from django.utils import timezone

from cameras.leases import holder_of
from cameras.models import Camera, Observed
from cameras.spool.agenda import AGENDA_S, Agenda, OnHeld, Run, build_agenda
from captures.sessions.models import ACTIVE, Session, SessionState
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, resolve_alert
from core.station_zone import site_time_text
from core.text.sentences import sentence
from core.times.timestamps import stamp
from scheduler.runs.models import PlannedRun

KEPT = timedelta(days=3)
"""How long after its end a run that has not begun stays in the agenda: a camera process that was away accounts for it
when it is back."""


def agendas(cameras: Iterable[Camera]) -> dict[UUID, Agenda]:
    """The agenda of each camera, by the camera's id. Without the runs whose session has ended."""
    now, ids = timezone.now(), [camera.pk for camera in cameras]
    runs = list(
        PlannedRun.objects.filter(
            camera__in=ids, begins_at__lt=now + timedelta(seconds=AGENDA_S), ends_at__gt=now - KEPT
        )
    )
    ended = _ended(runs)
    of_camera = defaultdict[UUID, list[Run]](list)
    for run in runs:
        if run.pk not in ended:
            of_camera[run.camera_id].append(_run_of(run))
    return {camera: build_agenda(of_camera[camera]) for camera in ids}


def _ended(runs: list[PlannedRun]) -> set[UUID]:
    if not runs:
        return set()
    sessions = Session.objects.filter(pk__in=[run.pk for run in runs]).exclude(state__in=ACTIVE)
    return set(sessions.values_list("pk", flat=True))


def _run_of(run: PlannedRun) -> Run:
    windows = [(begin, end) for begin, end in run.windows]
    return Run(str(run.pk), run.name, run.programme, windows, run.created_by, cast(OnHeld, run.on_held))


LATE = timedelta(minutes=5)
ALERT = "session.late:"


def report_late_runs(now: datetime | None = None) -> None:
    """An alert for each camera whose run does not begin. It ends when the run has begun, or is over."""
    now = now or timezone.now()
    late = {f"{ALERT}{run.camera.slug}": run for run in _late_runs(now)}
    for key, run in sorted(late.items()):
        message = sentence(
            "The run {run} of {camera} should have begun at {begin}. {why}",
            run=run.name, camera=run.camera, begin=site_time_text(run.begins_at), why=why_late(run),
        )  # fmt: skip
        raise_alert(
            key, message, severity="error", camera=run.camera, data={"run": str(run.pk), "begin": stamp(run.begins_at)}
        )
    for key in sorted(unresolved_keys(ALERT) - late.keys()):
        resolve_alert(key)


def _late_runs(now: datetime) -> Iterator[PlannedRun]:
    """Of present cameras."""
    due = PlannedRun.objects.filter(begins_at__lte=now - LATE, ends_at__gt=now, camera__removed_at=None)
    rows = list(due.select_related("camera"))
    states = dict(Session.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", "state"))
    for row in rows:
        state = states.get(row.pk)
        if state is None or (state == SessionState.WAITING and _is_inside(row, now)):
            yield row


def _is_inside(run: PlannedRun, now: datetime) -> bool:
    """Whether `now` is in one of its windows, for LATE at least."""
    windows = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in run.windows]
    return any(begin + LATE <= now < end for begin, end in windows)


def why_late(run: PlannedRun) -> str:
    camera = run.camera
    if not camera.enabled:
        return "The camera is disabled: enable it."
    if not camera.connected:
        return "The camera is disconnected: connect it."
    if camera.observed == Observed.HOST_DOWN:
        return f"Its host {camera.host} does not answer."
    if why := _held_by_another(camera, run):
        return why
    if camera.observed in (Observed.READY, Observed.BUSY):
        return "Its camera process has not begun it."
    return f"The camera is {camera.observed}. {camera.observed_reason}".strip()


def _held_by_another(camera: Camera, run: PlannedRun) -> str:
    holder = holder_of(camera)
    if holder is None or holder.session == str(run.pk):
        return ""
    session = f" with the session {holder.run or holder.session}" if holder.session and not holder.schedule else ""
    return f"It waits because the camera is held by {holder.label}{session}."
