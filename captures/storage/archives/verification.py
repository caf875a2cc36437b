"""The job `verify_archive`: reads all files of an archive on this host again, and mends what is missing or changed.

A file is mended from its source, or from a whole copy elsewhere (ARCHIVE_MENDERS). What cannot be mended is stated.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from cameras.spool.durable import RootFiles
from captures.experiments.selectors import check_sees_all
from captures.files.opened import FileMissing, open_below
from captures.storage.archives.answers import ArchiveFindingBody
from captures.storage.archives.bodies import VERIFY
from captures.storage.archives.copying import (
    PART,
    CopyFaulty,
    CopySource,
    CopyStopped,
    CopyTarget,
    SourceFaulty,
    copy_file,
    is_whole,
)
from captures.storage.archives.jobs import Mender, check_mounted, describe_error, fetch_whole, lock_folder, open_root
from captures.storage.archives.manifest import MANIFEST, README, SUMS, small_files
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveFolder, ArchiveState
from captures.storage.archives.services import enqueue_for, files_left, restate
from captures.storage.archives.transfer import SenderAway
from captures.tables import ARCHIVE_MENDERS
from core.events.service import raise_alert, record_event, resolve_alert
from core.jobs.context import JobContext, JobError
from core.jobs.models import Job
from core.registry import resolve
from core.station_settings import archive_config
from core.text.sentences import pluralize

MAX_LISTED = 1000
FAILED_AGAIN = timedelta(days=1)
"""How long after it failed an archive is verified again by itself."""
What = Literal["missing", "changed", "extra", "mended"]
COUNTS: tuple[What, ...] = ("missing", "changed", "extra", "mended")
OWN = (MANIFEST, README, SUMS)
State = ArchiveFileState
WHAT: dict[str, What] = {State.MISSING: "missing", State.DAMAGED: "changed", State.COPIED: "mended"}
"""What a verification says of a file with a message."""
MENDED = "It was mended from a whole copy."
NO_COPY = "No whole copy of it could be read."
Way = Callable[[ArchiveFile, CopyTarget], bool]
"""A way to mend a file: whether it is whole now. OSError, CopyFaulty."""


class VerifyResult(TypedDict):
    """`results` lists files that are faulty now, and those that were mended."""

    files: int
    bytes: int
    missing: int
    changed: int
    extra: int
    mended: int
    results: list[ArchiveFindingBody]


def verify_archive(context: JobContext) -> dict[str, Any]:
    """Arguments: `archive` (id). A killed attempt begins again: each file says when it was verified, and those of this
    job are not read twice."""
    archive = Archive.objects.select_related("experiment").filter(pk=context.arguments["archive"]).first()
    folder = archive.folders.filter(host=settings.STATION.host).select_related("root").first() if archive else None
    if archive is None or folder is None:
        raise JobError("The archive is not on this host any more.", permanent=True)
    began = begin(context.id, folder)
    try:
        with open_root(folder.root) as files, lock_folder(files, archive.folder):
            result = ArchiveVerification(archive, folder, files, context).run(began)
    except CopyStopped:
        return {}
    except (OSError, CopyFaulty) as error:
        raise JobError(describe_error(error, folder.root)) from error
    store_outcome(archive, folder, result)
    restate(archive)
    return dict(result)


def begin(job: str, folder: ArchiveFolder) -> datetime:
    """When the job was requested: files that were read since then are not read twice."""
    created = Job.objects.get(pk=job).created_at
    with transaction.atomic():
        # Once for each job. Before its first attempt no file can have been read for it: a clock was ahead.
        if Job.objects.filter(pk=job, checkpoint__isnull=True).update(checkpoint={"begun": True}):
            folder.files.filter(verified_at__gte=created).update(verified_at=None)
    return created


class ArchiveVerification:
    def __init__(self, archive: Archive, folder: ArchiveFolder, files: RootFiles, context: JobContext) -> None:
        self._archive, self._folder, self._files, self._context = archive, folder, files, context
        self._began, self._faulty = timezone.now(), 0
        self.result = VerifyResult(files=0, bytes=0, missing=0, changed=0, extra=0, mended=0, results=[])

    def run(self, began: datetime) -> VerifyResult:
        self._began = began
        rows = self._folder.files.exclude(state=State.PLANNED)
        total = rows.count()
        fresh = rows.filter(Q(verified_at=None) | Q(verified_at__lt=began))
        done = total - fresh.count()
        for row in fresh.select_related("clip__root", "capture_file__root", "folder").order_by("path"):
            if self._context.should_stop():
                raise CopyStopped
            self._verify(row)
            done += 1
            self._context.progress(done, total, f"{pluralize(done, 'file')} read, {self._faulty} faulty")
        self._sum_up(rows)
        self._restore_own_files()
        self._find_extra()
        return self.result

    def _verify(self, row: ArchiveFile) -> None:
        if row.is_offsite:
            # Its copy was verified when it was sent, and is again whenever it is read.
            self._store(row, State.COPIED, "")
            return
        subfolder, _, name = row.path.rpartition("/")
        target = CopyTarget(f"{self._archive.folder}/{subfolder}", name, row.bytes, row.sha256)
        fault = self._fault_of(target)
        if fault is None:
            self._store(row, State.COPIED, "")
            return
        state, message = fault
        if problem := self._mend(row, target):
            self._faulty += 1
            self._store(row, state, f"{message} {problem}")
            return
        self._store(row, State.COPIED, f"{message} {MENDED}")

    def _fault_of(self, target: CopyTarget) -> tuple[State, str] | None:
        """State and sentence; None when the file is whole."""
        try:
            if is_whole(self._files, target, target.name, self._context.should_stop):
                return None
            is_there = self._files.size(target.folder, target.name) is not None
        except OSError as error:
            # Of a disk that is gone, nothing can be said about its files.
            check_mounted(self._folder.root)
            return State.DAMAGED, f"It cannot be read: {error.strerror}."
        return (State.DAMAGED, "Its content has changed.") if is_there else (State.MISSING, "It is missing.")

    def _mend(self, row: ArchiveFile, target: CopyTarget) -> str:
        """Why it cannot be mended; empty when it was. One file that cannot be written does not end the verification:
        its fault would stay unknown, and so would those of the files behind it."""
        ways: list[Way] = [self._copy_source, self._fetch_twin]
        ways += [functools.partial(self._use_mender, resolve(path)) for path in ARCHIVE_MENDERS.values()]
        problem = NO_COPY
        for mend in ways:
            try:
                self._files.make_folders(target.folder)
                if mend(row, target):
                    return ""
            except OSError as error:
                check_mounted(self._folder.root)
                problem = f"It cannot be mended: {error.strerror or error}."
            except CopyFaulty as error:
                problem = str(error)
        return problem

    def _copy_source(self, row: ArchiveFile, target: CopyTarget) -> bool:
        source = row.clip or row.capture_file
        if source is None or source.host != settings.STATION.host or source.sha256 != row.sha256:
            return False
        try:
            copy_file(CopySource(source.root.path, source.path), target, self._files, self._context.should_stop)
        except SourceFaulty:
            return False
        return True

    def _fetch_twin(self, row: ArchiveFile, target: CopyTarget) -> bool:
        """From the archive's folder on another host."""
        twins = ArchiveFile.objects.filter(folder__archive=self._archive, sha256=row.sha256, state=State.COPIED)
        for twin in twins.exclude(folder=self._folder).select_related("folder"):
            try:
                fetch_whole(twin, target, self._files, self._context)
            except (SenderAway, CopyFaulty):
                continue
            return True
        return False

    def _use_mender(self, mender: Mender, row: ArchiveFile, target: CopyTarget) -> bool:
        if not mender(row, self._files, target.folder, target.name):
            return False
        return is_whole(self._files, target, target.name, self._context.should_stop)

    def _store(self, row: ArchiveFile, state: ArchiveFileState, message: str) -> None:
        # Not before the request: a clock that was set back would have the file read again by each attempt.
        now = max(timezone.now(), self._began)
        values: dict[str, Any] = {"state": state, "message": message, "verified_at": now}
        if state == State.COPIED and row.copied_at is None:
            values["copied_at"] = now
        ArchiveFile.objects.filter(pk=row.pk).exclude(state=State.PLANNED).update(**values)

    def _sum_up(self, rows: QuerySet[ArchiveFile]) -> None:
        """From the rows, which also have what earlier attempts of this job found."""
        read = rows.filter(verified_at__gte=self._began)
        self.result["files"] = read.count()
        self.result["bytes"] = read.aggregate(Sum("bytes"))["bytes__sum"] or 0
        for row in read.exclude(message="").order_by("path").iterator():
            self._add(WHAT[row.state], row.path, row.message)

    def _restore_own_files(self) -> None:
        """The manifest and the sums are in the database: what differs is written again."""
        if not self._archive.manifest or self._folder.revision != self._archive.revision:
            return
        for name, content in small_files(self._folder, self._archive.manifest).items():
            if self._content(name) == content:
                continue
            try:
                self._write(name, content)
            except OSError as error:
                check_mounted(self._folder.root)
                self._add("changed", name, f"It differs and cannot be written again: {error.strerror}.")
                continue
            self._add("mended", name, "It differed and was written again.")

    def _write(self, name: str, content: bytes) -> None:
        part = f".{name}{PART}"
        self._files.make_folders(self._archive.folder)
        self._files.unlink(self._archive.folder, part)
        self._files.create(self._archive.folder, part, [content])
        self._files.rename(self._archive.folder, part, name)
        self._files.sync(self._archive.folder)

    def _content(self, name: str) -> bytes:
        """Empty when it is not a file that can be read."""
        try:
            with contextlib.closing(open_below(self._folder.root.path, f"{self._archive.folder}/{name}")) as file:
                return file.read(file.size, 0)
        except (OSError, FileMissing):
            return b""

    def _find_extra(self) -> None:
        known = {*self._folder.files.values_list("path", flat=True), *OWN}
        extra = [path for path in self._walk("") if path not in known]
        self.result["extra"] = len(extra)
        listed = sorted(extra)[:MAX_LISTED]
        self.result["results"] += [
            ArchiveFindingBody(path=path, what="extra", message="Not in the manifest.") for path in listed
        ]
        ArchiveFolder.objects.filter(pk=self._folder.pk).update(extra=listed)

    def _walk(self, below: str) -> Iterator[str]:
        """The files of the folder, relative to it. Symbolic links are not followed and count as files."""
        folder = f"{self._archive.folder}/{below}".rstrip("/")
        try:
            with self._files.folder(folder) as at:
                entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in os.scandir(at)]
        except OSError as error:
            check_mounted(self._folder.root)
            self._add("changed", below, f"The folder cannot be listed: {error.strerror}.")
            return
        for name, is_folder in entries:
            path = f"{below}/{name}".lstrip("/")
            if is_folder:
                yield from self._walk(path)
            elif not (name.startswith(".") and name.endswith(PART)):
                yield path.encode("utf-8", "replace").decode()

    def _add(self, what: What, path: str, message: str) -> None:
        self.result[what] += 1
        if len(self.result["results"]) < MAX_LISTED:
            self.result["results"].append(ArchiveFindingBody(path=path, what=what, message=message))


def store_outcome(archive: Archive, folder: ArchiveFolder, result: VerifyResult) -> None:
    """Store the outcome of one host, and that of the archive once all hosts have theirs."""
    now = timezone.now()
    ArchiveFolder.objects.filter(pk=folder.pk).update(verified_at=now)
    faulty = ArchiveFile.objects.filter(folder__archive=archive, state__in=[State.MISSING, State.DAMAGED]).count()
    # The manifest and the sums have no rows.
    faulty += sum(one["what"] == "changed" and one["path"] in OWN for one in result["results"])
    times = list(ArchiveFolder.objects.filter(archive=archive).values_list("verified_at", flat=True))
    # Whole only once each host has read its files, and since the oldest of these times. Not while a host that is away
    # has files to copy.
    whole_at = min(time for time in times if time) if all(times) and not files_left(archive).exists() else None
    Archive.objects.filter(pk=archive.pk).update(
        verified_at=now if faulty else whole_at, verification="faulty" if faulty else "whole" if whole_at else ""
    )
    counts: dict[str, int] = {name: result[name] for name in COUNTS}
    found = ", ".join(f"{count} {name}" for name, count in counts.items())
    message = f"The archive of {archive.experiment.name!r} on {folder.host} was verified: {found}."
    is_bad = bool(result["missing"] or result["changed"])
    place = archive.experiment.places.select_related("camera").first()
    camera = place.camera if place else None
    severity = "error" if is_bad else "warning" if result["mended"] or result["extra"] else "info"
    record_event(
        "archive.verified", message, severity=severity, camera=camera, subject=archive.pk,
        data={"files": result["files"], **counts},
    )  # fmt: skip
    key = f"archive.damaged:{archive.pk}"
    if faulty:
        sentence = f"{message} There is no whole copy of {pluralize(faulty, 'file')}: restore them, then verify again."
        raise_alert(key, sentence, severity="error", camera=camera, data={"archive": str(archive.pk)})
    else:
        resolve_alert(key)


def request_verification(archive: Archive, actor: str = "", *, user: Any) -> list[Job]:
    """A job on each host of the archive; one that runs already is joined. `user` is None for the station itself.
    PermissionDenied unless the user may see all cameras."""
    check_sees_all(user, archive.experiment)
    return [enqueue_for(archive, VERIFY, folder.host, actor) for folder in archive.folders.all()]


def verify_due() -> None:
    """Verify the archives whose last verification is too long ago, oldest first, one after the other on each host."""
    days = archive_config().verify_days
    if not days:
        return
    host = settings.STATION.host
    if Job.objects.filter(kind=VERIFY, host=host, state__in=["waiting", "running"]).exists():
        return
    now = timezone.now()
    before = now - timedelta(days=days)
    # A time in the future is that of a clock which was set back since.
    is_due = Q(verified_at__lt=before) | Q(verified_at__gt=now) | Q(verified_at=None, copied_at__lt=before)
    due = ArchiveFolder.objects.filter(
        is_due, host=host, archive__state__in=[ArchiveState.COMPLETE, ArchiveState.INCOMPLETE]
    )
    # One whose disk is not mounted would otherwise be the oldest for ever, and no other be verified.
    failed = Job.objects.filter(kind=VERIFY, host=host, state="failed", ended_at__range=(now - FAILED_AGAIN, now))
    due = due.exclude(archive__in=[UUID(subject) for subject in failed.values_list("subject", flat=True)])
    oldest = due.order_by(F("verified_at").asc(nulls_first=True)).first()
    if oldest is not None:
        enqueue_for(oldest.archive, VERIFY, host, "station")
