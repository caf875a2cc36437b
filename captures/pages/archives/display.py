"""An archive, its folders and its files as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_datetime

from cameras.camera_display import StateDisplay
from captures.recordings.clips.delivery import describe_holes, describe_rate
from captures.recordings.clips.player import Played
from captures.storage.archives.answers import ArchiveFindingBody
from captures.storage.archives.bodies import VERIFY, FolderFindings, findings_of
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveFolder, ArchiveState
from captures.storage.archives.selectors import is_clip
from captures.thumbnails.store import picture_index
from core.jobs.models import Job

STATES = {
    "waiting": StateDisplay("wait", "Waiting for clips"),
    "copying": StateDisplay("wait", "Copying", "act"),
    "complete": StateDisplay("seal", "Complete", "ok"),
    "incomplete": StateDisplay("warn", "Incomplete", "warn"),
}
FAULTY = StateDisplay("bad", "Faulty", "bad")
FILE_STATES = {
    "planned": StateDisplay("wait", "To be copied"),
    "copied": StateDisplay("ok", "Whole", "ok"),
    "missing": StateDisplay("bad", "Missing", "bad"),
    "damaged": StateDisplay("bad", "Damaged", "bad"),
}
KINDS = {"clip": "Clips", "capture": "Pictures"}


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file of an archive. What it was is in its facts: its source may be deleted."""

    file: ArchiveFile

    @property
    def name(self) -> str:
        return PurePosixPath(self.file.path).name

    @property
    def is_clip(self) -> bool:
        return is_clip(self.file)

    @property
    def frames(self) -> int | None:
        """None for a picture."""
        found: int | None = self.file.facts.get("frames")
        return found

    @property
    def lost_frames(self) -> int | None:
        """None when a kill left it unknown."""
        found: int | None = self.file.facts.get("lost_frames")
        return found

    @property
    def rate_text(self) -> str:
        """Empty for a clip of an older version."""
        return describe_rate(self.file.facts.get("actual_fps"), self.file.facts.get("expected_fps"))

    @property
    def holes_text(self) -> str:
        return describe_holes(self.file.facts.get("hole_count"), self.file.facts.get("hole_s"))

    @property
    def state_display(self) -> StateDisplay:
        return FILE_STATES[self.file.state]

    @property
    def elsewhere(self) -> str:
        """The host that has the file, if it is another one."""
        host = self.file.folder.host
        return "" if host == settings.STATION.host else host

    @property
    def is_readable(self) -> bool:
        """Whether this host can send the file."""
        return not self.elsewhere and self.file.state == ArchiveFileState.COPIED

    @property
    def can_be_shown(self) -> bool:
        """Whether there is a player or a picture of it here."""
        kind = str(self.file.facts.get("file_kind", ""))
        return self.is_readable and (self.is_clip or picture_index([kind]) is not None)

    @property
    def ended_at(self) -> datetime | None:
        ended = self.file.facts.get("ended")
        return parse_datetime(ended) if isinstance(ended, str) else None

    @property
    def length_s(self) -> float:
        return (self.ended_at - self.file.at).total_seconds() if self.ended_at else 0.0

    @property
    def address(self) -> str:
        return f"/api/v1/archives/{self.file.folder.archive_id}/files/{self.file.pk}"

    @property
    def content(self) -> str:
        return f"{self.address}/content/"

    @property
    def thumbnail(self) -> str:
        return f"{self.address}/thumbnail/?size=2048"

    @property
    def played(self) -> Played:
        """For a clip."""
        facts = self.file.facts
        return Played(
            self.content, self.thumbnail, self.file.at, self.length_s, self.frames or 0, facts.get("width"),
            facts.get("height"), facts.get("codec", ""), bool(facts.get("simulated")), elsewhere=self.elsewhere,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ArchiveDisplay:
    """An archive with the counts of the files that the reader may see. `files`: state -> number; `missing`: what it
    lacks besides its files, for a reader who sees all its cameras."""

    archive: Archive
    files: dict[str, int]
    bytes: int
    missing: list[str]

    @property
    def state_display(self) -> StateDisplay:
        """A complete archive of which a file is missing or damaged since is not shown as complete."""
        return FAULTY if self.faulty and self.archive.state == ArchiveState.COMPLETE else STATES[self.archive.state]

    @property
    def copied(self) -> int:
        return self.files.get(ArchiveFileState.COPIED, 0)

    @property
    def total(self) -> int:
        return sum(self.files.values())

    @property
    def faulty(self) -> int:
        return self.files.get(ArchiveFileState.MISSING, 0) + self.files.get(ArchiveFileState.DAMAGED, 0)


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
    findings: list[ArchiveFindingBody]

    @property
    def hidden_findings(self) -> int:
        return sum(number for _, number in self.counts) - len(self.findings)


def folders_of(archive: Archive, user: Any, *, with_findings: bool) -> list[FolderDisplay]:
    """`with_findings`: only for a reader who sees all cameras of the experiment, as they name files."""
    found = findings_of(archive) if with_findings else {}
    running = (
        Job.objects.filter(kind=VERIFY, subject=str(archive.pk), ended_at=None) if with_findings else Job.objects.none()
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
