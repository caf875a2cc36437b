"""Measured usage, free space, findings, captures in the trash, and executed plans."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from cameras.models import Camera
from captures.models import Capture, IntegrityFinding, RootSpace, StorageRoot, StorageUsage
from captures.storage.retention.jobs import enqueue_plan, execute_plan
from captures.storage.trash.services import trash_capture
from core.jobs.context import JobContext
from core.jobs.models import Job
from core.jobs.services import enqueue
from tests.harness.rows.captures import file_of, saved

HOSTILE = "<script>alert(1)</script>" + "x" * 275
"""A name of 300 characters with markup."""
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;xxx"


def days_ago(days: int) -> date:
    return timezone.now().date() - timedelta(days=days)


def measured(root: StorageRoot, days: int, free: int = 100_000_000_000, lost: int = 0) -> None:
    """The space of the root on the last `days` days: `free` bytes today, and `lost` bytes less on each day."""
    RootSpace.objects.bulk_create(
        RootSpace(
            root=root, day=days_ago(day), measured_at=timezone.now() - timedelta(days=day),
            free_bytes=free + day * lost, total_bytes=1_000_000_000_000,
        )
        for day in range(days)
    )  # fmt: skip


def stored(root: StorageRoot, camera: Camera | None, file_class: str, size: int, day: int = 0) -> StorageUsage:
    """The usage of one class `day` days ago."""
    return StorageUsage.objects.create(
        host=root.host, root=root, camera=camera, file_class=file_class, day=days_ago(day), bytes=size, files=3
    )


def finding_row(
    root: StorageRoot, kind: str = "untracked", path: str = "clips/a.mp4", **fields: Any
) -> IntegrityFinding:
    raw = path.encode()
    values = {"host": root.host, "bytes": 1000, "message": "The file has no row.", "found_at": timezone.now(), **fields}
    return IntegrityFinding.objects.create(
        root=root, kind=kind, path=path, raw_path=raw, path_digest=hashlib.sha256(raw).hexdigest(), check_job="",
        **values,
    )  # fmt: skip


def trashed_capture(camera: Camera, root: StorageRoot, days: float = 0, **fields: Any) -> Capture:
    """Moved to the trash `days` days ago by `boss`."""
    capture = saved(camera, **fields)
    file_of(capture, root, host=root.host)
    trash_capture(capture, "boss")
    Capture.objects.filter(pk=capture.pk).update(trashed_at=timezone.now() - timedelta(days=days))
    return capture


def ended(job: Job, result: dict[str, Any], state: str = "done", error: str = "") -> Job:
    """The job as its worker leaves it."""
    now = timezone.now()
    Job.objects.filter(pk=job.pk).update(state=state, result=result, error=error, started_at=now, ended_at=now)
    job.refresh_from_db()
    return job


def executed(plan: UUID, actor: str = "boss") -> Job:
    """The plan, executed in the process of the test."""
    job = enqueue_plan(plan, actor)
    context = JobContext(str(job.pk), job.arguments, None, actor, lambda message: None)
    return ended(job, execute_plan(context))


def checked(host: str, **result: Any) -> Job:
    """A check of the host that has ended."""
    job, _ = enqueue("integrity", host, arguments={"hash": False}, actor="boss", camera=None)
    return ended(job, {"rows": 12, "files": 12, "problems": [], **result})
