"""`organize_new_files`: makes captures of the pictures of a folder."""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.storage import RootMissing
from captures.capturing.models import CaptureFile
from captures.days import station_site
from captures.files.thumbnails import send_render_task
from captures.organizing.adoption import (
    Adopter,
    FoundCapture,
    FoundPicture,
    batches,
    pair_pictures,
    stored_captures,
    stored_files,
)
from captures.organizing.copying import BatchAdopter, BatchCopier, original_path
from captures.organizing.findings import Findings, NotPlaced, OrganizeResult, PlannedCapture, Reason, printable
from captures.organizing.inspector import Inspector, Stopped
from captures.organizing.source import Inode, OriginalRemover, SourceFile, SourceFiles, TooManyFiles
from captures.organizing.staging import Staging, StagingLocked
from captures.organizing.times import NO_DATE, CameraZone, resolve_time
from captures.paths import ImageOrganizer
from captures.roots.models import StorageRoot
from captures.roots.roots import RootBody, UnusableRoot, root_of
from core.broker.broker import BrokerDown
from core.disk_space import NEARLY_NONE_BYTES
from core.jobs.context import JobError
from core.text.sentences import pluralize
from core.times.timestamps import stamp

log = logging.getLogger(__name__)
BATCH_FILES = 50
BATCH_BYTES = 512_000_000
"""A batch is copied completely before its rows are written. A file may be larger."""
SEEN_DIGITS = 16
"""Enough to tell 100,000 files apart, and few enough for a checkpoint."""


class Progress(Protocol):
    """`JobContext.progress`."""

    def __call__(
        self, done: int, total: int | None = None, sentence: str = "", *, always: bool = False, **checkpoint: Any
    ) -> None: ...


RequestThumbnail = Callable[[CaptureFile], None]
"""BrokerDown when it cannot be requested now."""


@dataclass(frozen=True, slots=True)
class OrganizeRequest:
    """`folder` is absolute and without symbolic links. `move` removes each original after its capture is stored. `job`
    identifies the request: the next attempt with the same one continues it."""

    camera: Camera
    folder: str
    actor: str
    job: str
    time_zone: str | None = None
    """Of files whose EXIF has no offset; None: that of the site."""
    move: bool = False
    dry_run: bool = False
    reserve_bytes: int = NEARLY_NONE_BYTES
    """Left free in the storage root."""
    checkpoint: dict[str, Any] | None = None
    """Where an attempt with the same `job` made room for another job; see `Organizing.run`."""


def organize_new_files(
    request: OrganizeRequest,
    progress: Progress,
    should_stop: Callable[[], bool],
    request_thumbnail: RequestThumbnail = send_render_task,
) -> tuple[OrganizeResult, bool]:
    """The result, and whether it is complete: False when `should_stop` ended it early.

    Each file of the folder is adopted, found to be there already, or listed with the reason. It can be killed at any
    line: the next call with the same job continues. When it is asked to stop, it reports a checkpoint. JobError when
    nothing more can be adopted.
    """
    try:
        root = root_of(request.camera)
    except UnusableRoot as error:
        raise JobError(str(error), permanent=True) from None
    with open_folder(request.folder) as source, open_staging(root) as staging:
        staging.recover(stored_captures)
        organizing = Organizing(request, root, source, staging, progress, should_stop, request_thumbnail)
        completed = organizing.run()
        return organizing.result(), completed


@contextlib.contextmanager
def open_folder(folder: str) -> Iterator[SourceFiles]:
    """JobError when the station's user cannot read the folder, or when the folder is the station's own."""
    try:
        source = SourceFiles(folder)
    except OSError as error:
        raise JobError(
            f"The station runs as the user {own_user()} and cannot read {printable(folder)}: {error.strerror}. "
            "Check the path, and grant that user access to the folder.",
            permanent=True,
        ) from None
    try:
        refuse_own_folder(folder)
        yield source
    finally:
        source.close()


def own_user() -> str:
    """In a container, the station's user may have no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def open_staging(root: RootBody) -> Staging:
    """JobError; not permanent: a disk may be mounted again, and another job may end."""
    try:
        return Staging(root["path"], root["id"])
    except (RootMissing, StagingLocked) as error:
        raise JobError(str(error)) from None
    except OSError as error:
        raise JobError(f"{root['path']} cannot be written: {error.strerror}. Check the disk.") from None


def own_folders() -> dict[Inode, str]:
    """The folders of the station on this host: its data, and its storage roots."""
    roots = StorageRoot.objects.filter(host=settings.STATION.host).values_list("path", flat=True)
    found = {}
    for path in (str(settings.STATION.data), *roots):
        with contextlib.suppress(OSError):  # not mounted: nothing can be below it
            found[Inode.of(os.stat(path))] = path
    return found


def refuse_own_folder(folder: str) -> None:
    """JobError for a folder in the station's own ones: their pictures have rows already, or are about to get them."""
    own = own_folders()
    real = Path(os.path.realpath(folder))
    for path in (real, *real.parents):
        if (found := own.get(Inode.of(os.stat(path)))) is not None:
            message = f"{printable(folder)} is in {found}, where the station itself keeps files. Name another folder."
            raise JobError(message, permanent=True)


class Organizing:
    """One attempt. Its steps for each batch: inspect, leave out what is stored already, copy, place, store."""

    def __init__(
        self,
        request: OrganizeRequest,
        root: RootBody,
        source: SourceFiles,
        staging: Staging,
        progress: Progress,
        should_stop: Callable[[], bool],
        request_thumbnail: RequestThumbnail,
    ) -> None:
        station, site = settings.STATION, station_site()
        self._request, self._source, self._staging = request, source, staging
        self._progress, self._should_stop, self._request_thumbnail = progress, should_stop, request_thumbnail
        self._zone = CameraZone(request.time_zone or site.time_zone)
        self._organizer = ImageOrganizer(request.camera.slug, site, station.file_names)
        self._adopter = Adopter(request.camera, UUID(root["id"]), request.actor, request.job)
        self._findings = Findings()
        copier = BatchCopier(request.folder, source, staging, self._organizer, self._findings, should_stop)
        self._batches = BatchAdopter(copier, staging, self._adopter, request.reserve_bytes)
        self._originals = OriginalRemover(source, self._findings)
        self._already = self._adopter.adopted()
        """What an earlier attempt of this job has adopted."""
        self._seen: dict[str, str] = {}
        """Of a dry run: SHA-256, its first SEEN_DIGITS -> path, empty for files of an earlier attempt. Otherwise the
        rows say what was adopted."""
        self._total = self._hidden = 0
        self._can_render = True

    def run(self) -> bool:
        """False when it was asked to stop."""
        try:
            listing = self._source.list_files(set(own_folders()))
        except TooManyFiles as error:
            raise JobError(str(error), permanent=True) from None
        except OSError as error:
            raise JobError(f"{printable(self._request.folder)} cannot be read: {error.strerror}.") from None
        self._total, self._hidden = len(listing.files), listing.hidden
        files = self._restore_checkpoint(listing.files)
        if len(files) == len(listing.files):
            for path, reason, message in listing.ignored:
                self._findings.add_not_placed(path, reason, message)
        checkpoint: dict[str, Any] = {}
        try:
            with Inspector(self._request.folder, self._should_stop) as inspector:
                for batch in batches(files, BATCH_FILES, BATCH_BYTES):
                    # Before the batch: of one that is interrupted nothing is kept.
                    checkpoint = {"next": name_of(batch[0]), "findings": self._findings.as_json()}
                    self._organize_batch(inspector, batch)
        except Stopped:
            if checkpoint:
                self._report(always=True, **checkpoint, seen=sorted(self._seen))
            return False
        return True

    def _restore_checkpoint(self, files: list[SourceFile]) -> list[SourceFile]:
        """What is left of the files, with the findings of the others. All of them without a checkpoint, and when the
        file is gone at which it was made: what was adopted is found in the rows."""
        found = self._request.checkpoint or {}
        begin = next((place for place, file in enumerate(files) if name_of(file) == found.get("next")), 0)
        if begin:
            self._findings.restore(found["findings"])
            self._seen = dict.fromkeys(found["seen"], "")
        return files[begin:]

    def result(self) -> OrganizeResult:
        found, request = self._findings, self._request
        adopted = self._adopter.adopted()
        return OrganizeResult(
            folder=printable(request.folder),
            camera=request.camera.slug,
            dry_run=request.dry_run,
            time_zone=self._zone.label,
            files=self._total,
            # From the rows: an earlier attempt may have adopted some.
            captures=found.captures if request.dry_run else self._adopter.count_adopted(),
            bytes=found.bytes if request.dry_run else sum(size for size, _ in adopted.values()),
            removed=found.removed,
            hidden=self._hidden,
            free_bytes=self._staging.free_bytes(),
            reasons=dict(sorted(found.reasons.items())),
            results=found.results,
            planned=found.planned,
            problems=found.problems,
        )

    # One batch

    def _organize_batch(self, inspector: Inspector, files: Sequence[SourceFile]) -> None:
        found = [picture for file in files if (picture := self._inspect(inspector, file)) is not None]
        captures, timeless = pair_pictures(self._without_stored(found))
        for picture in timeless:
            self._findings.add_not_placed(picture.file.path, Reason.NO_TIME, NO_DATE)
        if self._request.dry_run:
            for capture in captures:
                self._plan_only(capture)
        elif captures:
            self._adopt(captures)
        self._report()

    def _inspect(self, inspector: Inspector, file: SourceFile) -> FoundPicture | None:
        """None for a file that is not placed, or that this job has adopted before it was killed."""
        if self._should_stop():
            raise Stopped
        self._findings.files += 1
        self._report()
        if self._is_adopted(file):
            return None
        try:
            found = inspector.inspect(file.path)
            time = resolve_time(found["taken"], self._zone, timezone.now()) if found["taken"] else None
        except NotPlaced as error:
            self._findings.add_not_placed(file.path, error.reason, str(error))
            return None
        return FoundPicture(file, found, time)

    def _is_adopted(self, file: SourceFile) -> bool:
        """Whether an earlier attempt has adopted the file. With `move` it is inspected again, to be removed."""
        size, sha256 = self._already.get(original_path(self._request.folder, file.path), (None, ""))
        if size != file.bytes or self._request.move:
            return False
        try:
            # Another card may have the same names meanwhile, and uncompressed pictures have one size.
            return self._source.state_with_content(file.path, sha256) is not None
        except OSError:
            return False  # its inspection says why

    def _without_stored(self, pictures: Sequence[FoundPicture]) -> list[FoundPicture]:
        """The pictures whose content no capture has, each content once."""
        stored = stored_files(picture.inspection["sha256"] for picture in pictures)
        new: dict[str, FoundPicture] = {}
        for picture in pictures:
            sha256, path = picture.inspection["sha256"], picture.file.path
            same = stored.get(sha256)
            original = original_path(self._request.folder, path)
            if same is not None and (same.job, same.original) == (self._request.job, original):
                # This job stored it before it was killed.
                if self._request.move:
                    is_kept = same.root == self._adopter.root and self._staging.has_content(same.path, sha256)
                    self._originals.remove_adopted(path, sha256, is_kept=is_kept)
            elif same is not None:
                self._findings.add_not_placed(path, Reason.DUPLICATE, f"Capture {same.capture} has the same content.")
            elif (first := new.get(sha256)) is not None or sha256[:SEEN_DIGITS] in self._seen:
                twin = first.file.path if first else self._seen[sha256[:SEEN_DIGITS]]
                message = f"{printable(twin) or 'A file before it'} has the same content."
                self._findings.add_not_placed(path, Reason.DUPLICATE, message)
            else:
                new[sha256] = picture
        if self._request.dry_run:
            self._seen |= {sha256[:SEEN_DIGITS]: picture.file.path for sha256, picture in new.items()}
        return list(new.values())

    def _plan_only(self, capture: FoundCapture) -> None:
        self._findings.captures += 1
        self._findings.bytes += sum(picture.inspection["bytes"] for picture in capture.pictures)
        self._findings.add_planned(
            PlannedCapture(
                files=[printable(picture.file.path) for picture in capture.pictures],
                started=stamp(capture.time.at),
                folder=self._organizer.folder(capture.time.at),
            )
        )

    def _adopt(self, captures: Sequence[FoundCapture]) -> None:
        adopted = self._batches.adopt(captures)
        self._findings.captures += len(adopted.batch.captures)
        self._request_thumbnails(adopted.files)
        if self._request.move:
            for path, expected in adopted.batch.originals.items():
                self._originals.remove(path, expected)

    def _request_thumbnails(self, stored: Sequence[CaptureFile]) -> None:
        """Without the broker they are rendered when someone views them."""
        for file in stored if self._can_render else ():
            try:
                self._request_thumbnail(file)
            except BrokerDown:
                log.info("No thumbnails of adopted pictures were requested: the broker does not answer.")
                self._can_render = False
                return

    def _report(self, *, always: bool = False, **checkpoint: Any) -> None:
        found = self._findings
        sentence = (
            f"{pluralize(found.files, 'file')} read, {pluralize(found.captures, 'capture')} found, "
            f"{found.not_placed} not placed"
        )
        self._progress(found.files, self._total, sentence, always=always, **checkpoint)


def name_of(file: SourceFile) -> str:
    """Of any path, also of one that is no text, which a database refuses."""
    return os.fsencode(file.path).hex()
