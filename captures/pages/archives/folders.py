"""The folder of an archive on each host, with what its last verification found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from captures.storage.archives.findings import KIND, FolderFindings, VerifiedFile, findings_of
from captures.storage.archives.models import Archive, ArchiveFolder
from core.jobs.models import Job


@dataclass(frozen=True, slots=True)
class FolderDisplay:
    """`path` is empty for a reader who is not a manager. `counts` and `findings`: what the last verification found, as
    far as it is known, and dead copies."""

    host: str
    path: str
    is_here: bool
    verified_at: datetime | None
    copied_at: datetime | None
    is_running: bool
    counts: list[tuple[str, int]]
    findings: list[VerifiedFile]

    @property
    def hidden_findings(self) -> int:
        return sum(number for _, number in self.counts) - len(self.findings)


def folders_of(archive: Archive, user: Any, *, with_findings: bool) -> list[FolderDisplay]:
    """`with_findings`: only for a reader who sees all cameras of the experiment, as they name files."""
    found = findings_of(archive) if with_findings else {}
    running = (
        Job.objects.filter(kind=KIND, subject=str(archive.pk), ended_at=None) if with_findings else Job.objects.none()
    )
    hosts = set(running.values_list("host", flat=True))
    nothing = FolderFindings(counts={}, listed=[])
    return [
        _display(archive, folder, user, found.get(folder.host, nothing), folder.host in hosts)
        for folder in archive.folders.all()
    ]


def _display(
    archive: Archive, folder: ArchiveFolder, user: Any, found: FolderFindings, is_running: bool
) -> FolderDisplay:
    return FolderDisplay(
        host=folder.host,
        path=f"{folder.root.path}/{archive.folder}" if user.may("manager") else "",
        is_here=folder.host == settings.STATION.host,
        verified_at=folder.verified_at,
        copied_at=folder.copied_at,
        is_running=is_running,
        counts=list(found["counts"].items()),
        findings=found["listed"],
    )
