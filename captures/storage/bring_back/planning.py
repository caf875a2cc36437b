"""What would come back and whether there is space for it; start of the job that does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, Q, Sum

from cameras.models import Camera
from cameras.spool.storage import RootMissing
from captures.recordings.clips.deletion import open_root
from captures.roots.models import StorageRoot
from captures.storage.bring_back.selection import RETURNING, BringBackRequest, Selection
from captures.storage.usage.models import RootSpace
from core import database_clock
from core.camera_refs import Cameras
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.station_settings import camera_config
from core.templatetags.skycam import format_bytes
from core.text.amounts import pluralize
from core.times.timestamps import stamp

GB = 1e9


@dataclass(slots=True)
class RootPlan:
    """What comes back to one root. `free_bytes` is None when it is unknown; of another host it is its last measurement.
    `lost`: files without a verified copy."""

    root: StorageRoot
    files: int = 0
    bytes: int = 0
    lost: int = 0
    free_bytes: int | None = None
    problem: str = ""

    @property
    def host(self) -> str:
        return self.root.host

    @property
    def path(self) -> str:
        return self.root.path


@dataclass(frozen=True, slots=True)
class BringBackPlan:
    roots: list[RootPlan]

    @property
    def files(self) -> int:
        return sum(one.files for one in self.roots)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.roots)

    @property
    def lost(self) -> int:
        return sum(one.lost for one in self.roots)

    @property
    def hosts(self) -> list[str]:
        return sorted({one.host for one in self.roots if one.files})

    @property
    def problems(self) -> list[str]:
        return [one.problem for one in self.roots if one.problem]


def make_plan(selection: Selection, host: str = "") -> BringBackPlan:
    """Of all hosts, or of one. DatabaseError."""
    found: dict[object, RootPlan] = {}
    roots = {root.pk: root for root in StorageRoot.objects.all()}
    for table in RETURNING:
        rows = table.away(selection, [host] if host else ()).annotate(copied=Exists(table.copies())).order_by()
        has = Q(copied=True)
        counted = rows.values(table.root).annotate(
            files=Count("pk", filter=has), size=Sum("bytes", filter=has), lost=Count("pk", filter=~has)
        )
        for row in counted:
            plan = found.setdefault(row[table.root], RootPlan(roots[row[table.root]]))
            plan.files += row["files"]
            plan.bytes += row["size"] or 0
            plan.lost += row["lost"]
    for plan in found.values():
        if plan.files:
            _measure(plan)
    return BringBackPlan(sorted(found.values(), key=lambda one: (one.root.host, one.root.path)))


def reserve_bytes() -> int:
    """What stays free: below the soft floor rolling clips are deleted, which a file that has a copy is not worth."""
    return int(camera_config().soft_floor_gb * GB)


def _measure(plan: RootPlan) -> None:
    root = plan.root
    if root.host != settings.STATION.host:
        measured = RootSpace.objects.filter(root=root).order_by("-day").first()
        plan.free_bytes = measured.free_bytes if measured else None
    else:
        try:
            with open_root(root) as files:
                plan.free_bytes = files.free_bytes()
        except RootMissing as error:
            plan.problem = str(error)
        except OSError as error:
            plan.problem = f"The storage root {root.path} cannot be opened: {error.strerror}. Check the disk."
    if plan.free_bytes is not None and plan.bytes + reserve_bytes() > plan.free_bytes:
        plan.problem = (
            f"{root.path} on {root.host} has {format_bytes(plan.free_bytes)} free. "
            f"{pluralize(plan.files, 'file')} of {format_bytes(plan.bytes)} would come back, and "
            f"{format_bytes(reserve_bytes())} must stay free there (camera_config.soft_floor_gb). Free some space, or "
            "choose fewer files."
        )


JOB_KIND = "bring_back"


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
            JOB_KIND, host, camera=_cameras(wanted, host), subject=wanted.digest, arguments=arguments, actor=actor
        )
        jobs.append(job)
    return plan, jobs


def _cameras(wanted: BringBackRequest, host: str) -> Cameras:
    """All whose files come back to the host."""
    keys = set[Any]()
    for table in RETURNING:
        keys |= set(table.away(wanted, [host]).order_by().values_list(table.camera, flat=True).distinct())
    return list(Camera.objects.filter(pk__in=keys))
