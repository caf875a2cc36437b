"""What is known to be wrong, or was mended, of an archive's files: by its last verification, and by its copies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TypedDict

from captures.storage.archives.models import Archive
from captures.tables import ARCHIVE_COPIES
from core.jobs.models import Job
from core.registry import resolve

KIND = "verify_archive"
"""The job of a verification."""
LISTED = 50
"""Findings of a folder that are named; all are counted."""
JOBS = 50


class VerifiedFile(TypedDict):
    """`what`: `missing`, `changed`, `mended`, `extra` (in no manifest), or `dead`: a copy at an off-site destination
    that is not tried again by itself."""

    path: str
    what: str
    message: str


class FolderFindings(TypedDict):
    """Of the folder on one host. `counts` has what was found at least once; `listed` the first of its files."""

    counts: dict[str, int]
    listed: list[VerifiedFile]


def findings_of(archive: Archive) -> Mapping[str, FolderFindings]:
    """By host, for each folder. A finding names a file whatever its camera: only for those who may see all of them."""
    results: dict[str, list[VerifiedFile]] = {}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    done = Job.objects.filter(kind=KIND, subject=str(archive.pk), state="done").order_by("-created_at", "-id")
    for job in done[:JOBS]:
        if job.result and job.host not in results:
            results[job.host] = list(job.result["results"])
            counts[job.host].update({name: job.result[name] for name in ("missing", "changed", "extra", "mended")})
    for path in ARCHIVE_COPIES.values():
        for host, copies in resolve(path)(archive).items():
            results[host] = [*copies, *results.get(host, [])]
            counts[host]["dead"] += len(copies)
    return {
        folder.host: FolderFindings(
            counts={name: number for name, number in counts[folder.host].items() if number},
            listed=results.get(folder.host, [])[:LISTED],
        )
        for folder in archive.folders.all()
    }
