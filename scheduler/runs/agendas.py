"""The agendas of cameras, from their planned runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import cast
from uuid import UUID

from django.utils import timezone

from cameras.models import Camera
from cameras.spool.agenda import AGENDA_S, Agenda, OnHeld, Run, build_agenda
from captures.sessions.models import ACTIVE, Session
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
