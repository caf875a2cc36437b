"""The files of an archive as one ZIP file: those of the cameras that the user may see, from the archive's own folder.

Its manifest has the schema of docs/operating/archives.md#downloads; it names nothing that the user may not see.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from captures.experiments.models import ExperimentCamera
from captures.experiments.selectors import visible_places, written_parts
from captures.files.downloads import ERRORS, EXPORTED, MAX_FILES, MISSING, SUMS, TooManyFiles, ZipDownload, ZipEntry
from captures.storage.archives.manifest import MANIFEST, README, camera_parts, custody, experiment_part, remote_parts
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState
from captures.storage.archives.planning import is_plain_path, slug_of
from core.events.service import record_event
from core.text.sentences import pluralize
from core.times.timestamps import stamp, stamp_or_none

SCHEMA = "skycam-archive-download/1"


class ArchiveDownload(ZipDownload):
    """The ZIP file. `content` is its manifest without the files."""

    def __init__(self, files: list[ZipEntry], content: dict[str, Any], readme: str) -> None:
        super().__init__(files)
        self._content, self._readme = content, readme

    def describe(self) -> dict[str, bytes]:
        content = {**self._content, "files": [file.part() for file in self.files]}
        return {
            MANIFEST: (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode(),
            README: (self._readme + self._outcome()).encode(),
        }

    def _outcome(self) -> str:
        """What the ZIP file has and has not, for its README."""
        count = sum(file.state == EXPORTED for file in self.files)
        faulty = len(self.files) - count
        lines = [f"It has {pluralize(count, 'file')}."]
        if faulty:
            lines.append(f"{pluralize(faulty, 'file')} could not be sent. {ERRORS} says which, and why.")
        return "\n".join(lines) + "\n"


def make_download(user: Any, archive: Archive, files: QuerySet[ArchiveFile]) -> ArchiveDownload:
    """With its event. `files`: those of the archive that the user may see and has chosen. TooManyFiles."""
    entries = [zip_entry(archive, file) for file in _ungathered(files)[: MAX_FILES + 1]]
    if len(entries) > MAX_FILES:
        raise TooManyFiles(
            f"A ZIP file can have at most {MAX_FILES:,} files. Download those of one camera, of one kind or of a "
            "shorter time, or copy the folder of the archive."
        )
    entries.sort(key=lambda entry: entry.name)
    actor, places = str(user.get_username()), visible_places(user, archive.experiment)
    _record(archive, entries, places[0], actor)
    written = stamp(timezone.now())
    return ArchiveDownload(entries, _content(archive, places, actor, written), _readme(archive, actor, written))


def _ungathered(files: QuerySet[ArchiveFile]) -> QuerySet[ArchiveFile]:
    """Without the files of other hosts of which this host has a copy in the same archive."""
    here = ArchiveFile.objects.filter(
        gathered_from=OuterRef("pk"), folder__host=settings.STATION.host, state=ArchiveFileState.COPIED
    )
    return files.filter(~Exists(here)).select_related("folder__root").order_by("at", "id")


def zip_entry(archive: Archive, file: ArchiveFile) -> ZipEntry:
    state, message = _state_of(file)
    is_plain = is_plain_path(file.path)
    return ZipEntry(
        # A path that is not plain comes from no archive of ours: it is named, and is no entry.
        name=file.path if is_plain else ascii(file.path), table="archives", pk=str(file.pk), host=file.folder.host,
        root_id=file.folder.root_id, root_path=file.folder.root.path, path=f"{archive.folder}/{file.path}", at=file.at,
        bytes=file.bytes,
        sha256=file.sha256, facts=file.facts, state=state if is_plain else MISSING, is_offsite=file.is_offsite,
        message=message if is_plain else "Its path cannot be the name of a file in a ZIP file.",
    )  # fmt: skip


def _state_of(file: ArchiveFile) -> tuple[str, str]:
    """State and message of its entry: those of its row, unless it can be sent."""
    if file.state != ArchiveFileState.COPIED:
        return file.state, file.message or "It is not copied into the archive yet."
    return EXPORTED, ""


def _record(archive: Archive, entries: list[ZipEntry], place: ExperimentCamera, actor: str) -> None:
    here = [entry for entry in entries if entry.state == EXPORTED]
    count, name = pluralize(len(here), "file"), archive.experiment.name
    record_event(
        "files.exported", f"{actor} began a download of {count} of the archive of {name!r}.", camera=place.camera,
        subject=archive.pk, actor=actor,
        data={"files": len(here), "bytes": sum(entry.bytes for entry in here)},
    )  # fmt: skip


def _content(archive: Archive, places: list[ExperimentCamera], actor: str, written: str) -> dict[str, Any]:
    """The manifest without its files. Sentences may name any camera: only who sees all of them gets these."""
    experiment = archive.experiment
    sees_all = len(places) == len(experiment.places.all())
    return {
        "schema": SCHEMA,
        "archive": str(archive.pk),
        "revision": archive.revision,
        "written": written,
        "written_by": actor,
        "software": {"name": "Skycam", "version": version("skycam")},
        "station": {"id": settings.STATION.station.id, "name": settings.STATION.station.name},
        "experiment": experiment_part(experiment),
        "method": archive.method,
        "state": archive.state,
        "verification": archive.verification,
        "verified": stamp_or_none(archive.verified_at),
        "all_cameras": sees_all,
        "missing": archive.missing if sees_all else [],
        "remote": remote_parts(experiment, places),
        "cameras": camera_parts(experiment, places),
        **written_parts(experiment),
        "custody": custody(archive) if sees_all else [],
    }


def _readme(archive: Archive, actor: str, written: str) -> str:
    experiment = archive.experiment
    # A name is one line, but its other characters are any.
    return (
        f"Files of the archive of the experiment: {experiment.name}\n"
        f"Identifier: {experiment.pk}\n"
        f"Run: {stamp_or_none(experiment.started_at) or 'never started'} to "
        f"{stamp_or_none(experiment.ended_at) or 'not ended'} (UTC)\n"
        f"Operator: {experiment.operator}\n"
        f"Downloaded by {actor} at {written} from the host {settings.STATION.host}, with Skycam {version('skycam')}.\n"
        "\n"
        "Each camera has a folder. `clips` has videos (H.264 in MP4), `captures` has single pictures.\n"
        f"{MANIFEST} describes each file, what is missing and why, and who did what when (JSON, {SCHEMA}).\n"
        f"To check that no file has changed, run in this folder: sha256sum -c {SUMS}\n"
        "\n"
    )


def filename_of(archive: Archive) -> str:
    """The name of the ZIP file: plain letters, digits and hyphens."""
    return f"skycam_{slug_of(archive.experiment.name)}_{timezone.now():%Y%m%d_%H%M%S}.zip"
