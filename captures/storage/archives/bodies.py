"""Archives as JSON, with what the user may see of them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, Sum

from captures.experiments.selectors import visible_places
from captures.storage.archives.answers import ArchiveFacts
from captures.storage.archives.findings import FolderFindings, findings_of
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.storage.archives.remote import remote_sentences
from core.resources.answers import body_of
from core.times.timestamps import stamp_or_none


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
