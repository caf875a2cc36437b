"""Archives as the API answers them, with what the newest verification found in each folder."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, TypedDict

from django.db.models import Count, Q, Sum

from captures.experiments.selectors import visible_places
from captures.storage.archives.answers import ArchiveFacts, ArchiveFindingBody
from captures.storage.archives.manifest import remote_sentences
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.tables import ARCHIVE_COPIES
from core.jobs.models import Job
from core.registry import resolve
from core.resources.resource import body_of
from core.times.timestamps import stamp_or_none

VERIFY = "verify_archive"
"""The job of a verification."""
LISTED_FILES = 50
"""Findings of a folder that are named; all are counted."""
JOBS = 50


class FolderFindings(TypedDict):
    """Of the folder on one host. `counts` has what was found at least once; `listed` the first of its files."""

    counts: dict[str, int]
    listed: list[ArchiveFindingBody]


def findings_of(archive: Archive) -> Mapping[str, FolderFindings]:
    """By host, for each folder. A finding names a file whatever its camera: only for those who may see all of them."""
    results: dict[str, list[ArchiveFindingBody]] = {}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    done = Job.objects.filter(kind=VERIFY, subject=str(archive.pk), state="done").order_by("-created_at", "-id")
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
            listed=results.get(folder.host, [])[:LISTED_FILES],
        )
        for folder in archive.folders.all()
    }


def archive_body(archive: Archive, user: Any) -> dict[str, Any]:
    """See `ArchiveBody`."""
    places = visible_places(user, archive.experiment)
    sees_all = len(places) == len(archive.experiment.places.all())
    files = ArchiveFile.objects.filter(folder__archive=archive, camera__in=[place.camera_id for place in places])
    counts = files.values_list("state").annotate(Count("pk")).order_by()
    findings = findings_of(archive) if sees_all else {}
    return {
        **body_of(ArchiveFacts, archive),
        # A sentence may name a camera that the user may not see.
        "missing": archive.missing if sees_all else [],
        "remote": remote_sentences(archive.experiment, places),
        "files": dict(counts),
        "bytes": files.filter(~Q(state="missing")).aggregate(Sum("bytes"))["bytes__sum"] or 0,
        "folders": [folder_body(archive, folder, user, findings.get(folder.host)) for folder in archive.folders.all()],
    }


def folder_body(archive: Archive, folder: ArchiveFolder, user: Any, findings: FolderFindings | None) -> dict[str, Any]:
    """See `ArchiveFolderBody`. `findings` is None for a user who may not see all cameras."""
    return {
        "host": folder.host,
        "path": f"{folder.root.path}/{archive.folder}" if user.may("manager") else None,
        "has_manifest": bool(archive.revision) and folder.revision == archive.revision,
        "verified": stamp_or_none(folder.verified_at),
        "extra": folder.extra if findings else [],
        "found": findings["counts"] if findings else {},
        "findings": findings["listed"] if findings else [],
    }
