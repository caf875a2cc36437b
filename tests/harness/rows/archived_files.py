"""Archives of experiments, with files in the folder of the archive."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from cameras.models import Camera
from captures.models import Archive, ArchiveFile, ArchiveFolder, Clip, Experiment, StorageRoot
from captures.storage.archives.planning import clip_facts
from core.times.timestamps import stamp


def archive_of(experiment: Experiment, **fields: Any) -> Archive:
    """A complete one, without files."""
    now = timezone.now()
    values = {"folder": f"experiments/{experiment.pk}_dew", "state": "complete", "completed_at": now, "revision": 1}
    return Archive.objects.create(experiment=experiment, wait_until=now, **values | fields)


def folder_of(archive: Archive, root: StorageRoot) -> ArchiveFolder:
    """The archive's folder on the host of the root."""
    found, _ = archive.folders.get_or_create(host=root.host, defaults={"root": root, "revision": archive.revision})
    return found


def archived_clip(archive: Archive, clip: Clip, **fields: Any) -> ArchiveFile:
    """A copy of the clip's file, in the storage root of the clip."""
    content = Path(clip.root.path, clip.path).read_bytes()
    values = {"clip": clip, "facts": clip_facts(clip), "at": clip.started_at} | fields
    return archived_file(
        archive, clip.root, clip.camera, f"{clip.camera.slug}/clips/{clip.filename}", content, **values
    )


def archived_picture(
    archive: Archive, root: StorageRoot, camera: Camera, name: str, content: bytes, at: datetime, **fields: Any
) -> ArchiveFile:
    """A file of a capture whose rows are deleted."""
    facts = {"kind": "capture", "file_kind": "jpeg", "started": stamp(at), "width": 64, "height": 48}
    path = f"{camera.slug}/captures/{name}"
    return archived_file(archive, root, camera, path, content, **{"at": at, "facts": facts} | fields)


def archived_file(
    archive: Archive, root: StorageRoot, camera: Camera, path: str, content: bytes, **fields: Any
) -> ArchiveFile:
    file = Path(root.path, archive.folder, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    values = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "state": "copied"}
    return folder_of(archive, root).files.create(camera=camera, path=path, copied_at=timezone.now(), **values | fields)


def on_disk(file: ArchiveFile) -> Path:
    return Path(file.folder.root.path, file.folder.archive.folder, file.path)
