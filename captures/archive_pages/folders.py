"""The folder of an archive on each host, with what its last verification found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from captures.archives.models import Archive, ArchiveFolder
from captures.archives.verification import COUNTS, KIND
from core.jobs.models import Job

LISTED = 50


@dataclass(frozen=True, slots=True)
class Finding:
    path: str
    what: str
    message: str


@dataclass(frozen=True, slots=True)
class FolderDisplay:
    """`path` is empty for a reader who is not a manager. `counts`: what the last verification found, if its job is
    still known; `findings`: the first of its files."""

    host: str
    path: str
    is_here: bool
    verified_at: datetime | None
    copied_at: datetime | None
    is_running: bool
    counts: list[tuple[str, int]]
    findings: list[Finding]
    hidden_findings: int


def folders_of(archive: Archive, user: Any, *, with_findings: bool) -> list[FolderDisplay]:
    """`with_findings`: only for a reader who sees all cameras of the experiment, as they name files."""
    jobs: dict[str, list[Job]] = {}
    if with_findings:
        for job in Job.objects.filter(kind=KIND, subject=str(archive.pk)).order_by("-created_at", "-id")[:LISTED]:
            jobs.setdefault(job.host, []).append(job)
    return [_display(archive, folder, user, jobs.get(folder.host, [])) for folder in archive.folders.all()]


def _display(archive: Archive, folder: ArchiveFolder, user: Any, jobs: list[Job]) -> FolderDisplay:
    last: dict[str, Any] = next((job.result for job in jobs if job.state == "done" and job.result), {})
    results = last.get("results", [])
    return FolderDisplay(
        host=folder.host,
        path=f"{folder.root.path}/{archive.folder}" if user.may("manager") else "",
        is_here=folder.host == settings.STATION.host,
        verified_at=folder.verified_at,
        copied_at=folder.copied_at,
        is_running=any(job.ended_at is None for job in jobs),
        counts=[(name, last[name]) for name in COUNTS if last.get(name)],
        findings=[Finding(one["path"], one["what"], one["message"]) for one in results[:LISTED]],
        hidden_findings=max(0, len(results) - LISTED),
    )
