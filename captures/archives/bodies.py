"""Archives as JSON."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db.models import Count, Q, Sum

from captures.archives.findings import FolderFindings, VerifiedFile, findings_of
from captures.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.archives.remote import remote_sentences
from captures.experiments.selectors import visible_places
from core.times.timestamps import stamp, stamp_or_none


class ArchiveFolderBody(TypedDict):
    """`path` is null for a user who is not a manager. `has_manifest`: that of the present revision. `found` counts what
    the last verification found here, and the dead off-site copies; `findings` names the first of these files."""

    host: str
    path: str | None
    has_manifest: bool
    verified: str | None
    extra: list[str]
    found: dict[str, int]
    findings: list[VerifiedFile]


class ArchiveBody(TypedDict):
    """`files` counts those of the cameras that the user may see, by state. `missing`: what the archive lacks. `remote`:
    the captures whose files stay with their cameras."""

    id: str
    experiment: str
    name: str
    method: str
    folder: str
    state: str
    message: str
    missing: list[str]
    remote: list[str]
    files: dict[str, int]
    bytes: int
    revision: int
    requested: str
    requested_by: str
    completed: str | None
    verified: str | None
    verification: str
    folders: list[ArchiveFolderBody]


class ArchiveFileBody(TypedDict):
    path: str
    host: str
    camera: str
    bytes: int
    sha256: str
    state: str
    message: str
    hard_link: bool
    at: str
    verified: str | None
    clip: str | None


def archive_url(archive: object) -> str:
    return f"/api/v1/archives/{archive}/"


def archive_body(archive: Archive, user: Any) -> ArchiveBody:
    places = visible_places(user, archive.experiment)
    sees_all = len(places) == len(archive.experiment.places.all())
    files = ArchiveFile.objects.filter(folder__archive=archive, camera__in=[place.camera_id for place in places])
    counts = files.values_list("state").annotate(Count("pk")).order_by()
    findings = findings_of(archive) if sees_all else {}
    total = files.filter(~Q(state="missing")).aggregate(Sum("bytes"))["bytes__sum"] or 0
    return ArchiveBody(
        id=str(archive.pk), experiment=str(archive.experiment_id), name=archive.experiment.name, method=archive.method,
        folder=archive.folder, state=archive.state, message=archive.message,
        # A sentence may name a camera that the user may not see.
        missing=archive.missing if sees_all else [], remote=remote_sentences(archive.experiment, places),
        files=dict(counts), bytes=total, revision=archive.revision,
        requested=stamp(archive.requested_at), requested_by=archive.requested_by,
        completed=stamp_or_none(archive.completed_at), verified=stamp_or_none(archive.verified_at),
        verification=archive.verification,
        folders=[folder_body(archive, folder, user, findings.get(folder.host)) for folder in archive.folders.all()],
    )  # fmt: skip


def folder_body(
    archive: Archive, folder: ArchiveFolder, user: Any, findings: FolderFindings | None
) -> ArchiveFolderBody:
    """`findings` is None for a user who may not see all cameras."""
    return ArchiveFolderBody(
        host=folder.host, path=f"{folder.root.path}/{archive.folder}" if user.may("manager") else None,
        has_manifest=bool(archive.revision) and folder.revision == archive.revision,
        verified=stamp_or_none(folder.verified_at), extra=folder.extra if findings else [],
        found=findings["counts"] if findings else {}, findings=findings["listed"] if findings else [],
    )  # fmt: skip


def archive_file_body(file: ArchiveFile) -> ArchiveFileBody:
    return ArchiveFileBody(
        path=file.path, host=file.folder.host, camera=file.camera.slug, bytes=file.bytes, sha256=file.sha256,
        state=file.state, message=file.message, hard_link=file.linked, at=stamp(file.at),
        verified=stamp_or_none(file.verified_at), clip=str(file.clip_id) if file.clip_id else None,
    )  # fmt: skip
