"""Requests to bring files back: refused, or a job on each of their hosts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cameras.models import Camera
from captures.storage.bring_back.planning import BringBackPlan, make_plan
from captures.storage.bring_back.requests import BringBackRequest
from captures.storage.bring_back.selection import RETURNING
from core import database_clock
from core.camera_refs import Cameras
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.times.timestamps import stamp

KIND = "bring_back"


class NoSpace(Exception):
    """The files do not fit, or their disk is away; the message says where. Nothing was changed."""


def start_bring_back(wanted: BringBackRequest, actor: str) -> tuple[BringBackPlan, list[Job]]:
    """The plan, and a job on each host with files that are off-site alone; one that does the same already is joined.
    None when all files are here. NoSpace."""
    plan = make_plan(wanted)
    if plan.problems:
        raise NoSpace(" ".join(plan.problems))
    until = database_clock.read_now() + timedelta(days=wanted.days)
    arguments = {"selection": wanted.as_json(), "until": stamp(until)}
    jobs = []
    for host in plan.hosts:
        job, _ = enqueue(
            KIND, host, camera=_cameras(wanted, host), subject=wanted.digest, arguments=arguments, actor=actor
        )
        jobs.append(job)
    return plan, jobs


def _cameras(wanted: BringBackRequest, host: str) -> Cameras:
    """All whose files come back to the host."""
    keys = set[Any]()
    for table in RETURNING:
        keys |= set(table.away(wanted, [host]).order_by().values_list(table.camera, flat=True).distinct())
    return list(Camera.objects.filter(pk__in=keys))
