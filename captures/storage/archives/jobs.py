"""The job `archive`: copies the files of this host into the archive, and writes the manifest beside them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from cameras.spool.durable import RootFiles
from cameras.spool.full_disk import describe_disk_error
from cameras.spool.storage import read_marker, root_missing_message
from captures.roots.models import StorageRoot
from captures.storage.archives.bodies import VERIFY
from captures.storage.archives.copying import (
    FAILPOINTS,
    CopyFaulty,
    CopySource,
    CopyStopped,
    CopyTarget,
    SourceFaulty,
    copy_file,
    is_whole,
)
from captures.storage.archives.manifest import small_files
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveFolder, ArchiveMethod
from captures.storage.archives.reports import report_failure, resolve_failure
from captures.storage.archives.services import absent_hosts, advance, enqueue_for, files_left, resume
from captures.storage.archives.transfer import FileRefused, SenderAway, fetch_file, part_name
from captures.tables import ARCHIVE_MENDERS
from core.jobs.context import JobContext, JobError
from core.registry import resolve
from core.text.sentences import pluralize

RESERVE_BYTES = 256_000_000
"""Left free on the disk of the archive: cameras may write there too."""

Mender = Callable[[ArchiveFile, RootFiles, str, str], bool]
"""File, root of the archive, folder and name -> whether it put a whole file there."""

VERIFIED_AGAIN = timedelta(days=1)
"""How often, at most, another host verifies a file that does not arrive whole."""


def make_archive(context: JobContext) -> dict[str, Any]:
    """Arguments: `archive` (id). Each attempt continues with the files that have no outcome yet. JobError when the disk
    of the archive cannot be written now."""
    archive = Archive.objects.select_related("experiment").filter(pk=context.arguments["archive"]).first()
    if archive is None:
        raise JobError("The archive was removed.", permanent=True)
    host = settings.STATION.host
    folder = archive.folders.filter(host=host).select_related("root").first()
    if folder is None:
        return {"files": 0, "bytes": 0}
    # It may have waited here while this host was away.
    resume(archive)
    try:
        with open_root(folder.root) as files, lock_folder(files, archive.folder):
            done = ArchiveJob(archive, folder, files, context).copy_all()
            # Another host may not have seen in time that this one is back.
            resume(archive)
            advance(archive)
            write_manifest(archive, folder, files)
    except CopyStopped:
        return {"files": 0, "bytes": 0}
    except (OSError, CopyFaulty) as error:
        message = describe_error(error, folder.root)
        report_failure(archive, message)
        raise JobError(message) from error
    archive.refresh_from_db()
    advance(archive)
    return done


@contextlib.contextmanager
def open_root(root: StorageRoot) -> Iterator[RootFiles]:
    """OSError when it is not mounted: nothing may be written then."""
    check_mounted(root)
    files = RootFiles(root.path)
    try:
        yield files
    finally:
        files.close()


@contextlib.contextmanager
def lock_folder(files: RootFiles, folder: str) -> Iterator[None]:
    """Until the process ends, no other one writes into the folder: the worker of a job may be frozen and lose its
    lease, while its child goes on. JobError when another process has the lock."""
    with contextlib.ExitStack() as stack:
        # A folder that cannot be made or locked, as on some network file systems: writing to it says what is wrong.
        with contextlib.suppress(OSError):
            files.make_folders(folder)
            with files.folder(folder) as at:
                lock = os.dup(at)
            stack.callback(os.close, lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise JobError(
                    "Another process still works in the folder of the archive. It is tried again."
                ) from error
        yield


class RootNotMounted(OSError):
    """The message says which root."""


class SourceNotMounted(RootNotMounted):
    """The root of a source, and not that of the archive."""


def check_mounted(root: StorageRoot) -> None:
    """RootNotMounted."""
    if read_marker(root.path) != str(root.pk):
        raise RootNotMounted(root_missing_message(root.path))


def describe_error(error: Exception, root: StorageRoot) -> str:
    if isinstance(error, (RootNotMounted, CopyFaulty, SenderAway)):
        return str(error)
    assert isinstance(error, OSError)
    return describe_disk_error(
        error,
        root.path,
        "Free some space; the archive then goes on by itself.",
        "Check the disk; the archive then goes on by itself.",
    )


class ArchiveJob:
    """The copies of one host."""

    def __init__(self, archive: Archive, folder: ArchiveFolder, files: RootFiles, context: JobContext) -> None:
        self._archive, self._folder, self._files, self._context = archive, folder, files, context
        self._copied_bytes = 0
        self._hosts_away: set[str] = set()
        self._postponed: OSError | None = None

    def copy_all(self) -> dict[str, Any]:
        """The files of this host come first. One whose source is away now holds up no other; OSError at the end says
        so."""
        rows = files_left(self._archive, absent_hosts(self._archive)).filter(folder=self._folder)
        total, done = self._folder.files.count(), self._folder.files.exclude(state=ArchiveFileState.PLANNED).count()
        for row in (
            rows.select_related("clip__root", "capture_file__root", "gathered_from__folder")
            .order_by(F("gathered_from").asc(nulls_first=True), "path")
            .iterator(chunk_size=200)
        ):
            if self._context.should_stop():
                break
            if not self._try(row):
                continue
            done += 1
            self._context.progress(done, total, f"{pluralize(done, 'file')} copied")
        if self._postponed is not None:
            raise self._postponed
        return {"files": done, "bytes": self._copied_bytes}

    def _try(self, row: ArchiveFile) -> bool:
        """Whether the file need not be tried again now."""
        host = row.gathered_from.folder.host if row.gathered_from else ""
        if host in self._hosts_away:
            return False
        try:
            self._copy(row)
        except (SenderAway, SourceNotMounted) as error:
            self._postponed = self._postponed or error
            # It would be waited for with each of its files.
            if not isinstance(error, (FileRefused, SourceNotMounted)):
                self._hosts_away.add(host)
            return False
        return True

    def _copy(self, row: ArchiveFile) -> None:
        source = row.clip or row.capture_file
        if source is None and row.gathered_from is None:
            self._settle(row, ArchiveFileState.MISSING, "The source was deleted before it was copied.")
            return
        if self._files.free_bytes() < row.bytes + RESERVE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        subfolder, _, name = row.path.rpartition("/")
        folder = f"{self._archive.folder}/{subfolder}"
        self._files.make_folders(folder)
        target = CopyTarget(folder, name, row.bytes, row.sha256)
        moved = row.gathered_from or row.capture_file
        if moved is not None and moved.is_offsite:
            self._fetch_moved(row, target)
            return
        if row.gathered_from is not None:
            self._gather(row, row.gathered_from, target)
            return
        assert source is not None
        copied = CopySource(source.root.path, source.path, link=self._archive.method == ArchiveMethod.LINK)
        try:
            linked = copy_file(copied, target, self._files, self._context.should_stop)
        except SourceFaulty as error:
            # A disk that is not mounted has no faulty files: the job is tried again when it is back.
            try:
                check_mounted(source.root)
            except RootNotMounted as away:
                raise SourceNotMounted(str(away)) from error
            self._settle(row, ArchiveFileState(error.state), str(error))
            return
        self._settle_copied(row, linked=linked)

    def _fetch_moved(self, row: ArchiveFile, target: CopyTarget) -> None:
        """Fetch a file whose host has only an off-site copy of it. FileRefused, OSError."""
        menders: list[Mender] = [resolve(path) for path in ARCHIVE_MENDERS.values()]
        if not any(mend(row, self._files, target.folder, target.name) for mend in menders):
            raise FileRefused(
                "A file of the archive was moved off-site, and no destination gives it now. `skycam offsite status` "
                "says why; the archive then goes on by itself."
            )
        self._settle_copied(row)

    def _gather(self, row: ArchiveFile, source: ArchiveFile, target: CopyTarget) -> None:
        """Fetch a file of another host."""
        if source.state == ArchiveFileState.PLANNED:
            return  # it has no outcome there yet
        if source.state != ArchiveFileState.COPIED:
            self._settle(row, ArchiveFileState(source.state), f"On {source.folder.host}: {source.message}")
            return
        try:
            fetch_whole(source, target, self._files, self._context)
        except (CopyFaulty, FileRefused) as error:
            self._have_verified(source)
            raise FileRefused(str(error)) from error
        self._settle_copied(row)

    def _have_verified(self, source: ArchiveFile) -> None:
        """Its host finds out whether the file is still whole: it is mended there, or stated as damaged here too."""
        if source.verified_at is None or source.verified_at < timezone.now() - VERIFIED_AGAIN:
            enqueue_for(self._archive, VERIFY, source.folder.host, "station")

    def _settle_copied(self, row: ArchiveFile, *, linked: bool = False) -> None:
        self._copied_bytes += row.bytes
        self._settle(row, ArchiveFileState.COPIED, "", linked=linked, copied_at=timezone.now())
        FAILPOINTS.hit("after_row_copied")
        resolve_failure(self._archive)

    @staticmethod
    def _settle(row: ArchiveFile, state: ArchiveFileState, message: str, **values: Any) -> None:
        planned = ArchiveFile.objects.filter(pk=row.pk, state=ArchiveFileState.PLANNED)
        planned.update(state=state, message=message, **values)


def fetch_whole(source: ArchiveFile, target: CopyTarget, files: RootFiles, context: JobContext) -> None:
    """Fetch a file of another host to its place, unless it is there. CopyFaulty when what arrived is not the file;
    SenderAway, CopyStopped, OSError."""
    if is_whole(files, target, target.name, context.should_stop):
        # A kill may have come between the rename and this.
        files.sync(target.folder)
        return
    part = part_name(target.name)
    if files.size(target.folder, part) is None:
        files.create(target.folder, part, [])
    opened = files.open_existing(target.folder, part)
    try:
        fetch_file(source, opened, context)
    finally:
        os.close(opened)
    if not is_whole(files, target, part, context.should_stop):
        files.unlink(target.folder, part)
        raise CopyFaulty(f"What {source.folder.host} sent is not the file that it had. It is fetched again.")
    files.rename(target.folder, part, target.name)
    files.sync(target.folder)


def write_manifest(archive: Archive, folder: ArchiveFolder, files: RootFiles) -> None:
    """Write the newest manifest into the folder, unless it has it. Each file replaces its predecessor whole."""
    archive.refresh_from_db()
    folder.refresh_from_db()
    if not archive.manifest or folder.revision == archive.revision:
        return
    files.make_folders(archive.folder)
    for name, content in small_files(folder, archive.manifest).items():
        part = f".{name}.part"
        files.unlink(archive.folder, part)
        files.create(archive.folder, part, [content])
        files.rename(archive.folder, part, name)
    files.sync(archive.folder)
    FAILPOINTS.hit("after_manifest_written")
    ArchiveFolder.objects.filter(pk=folder.pk).update(revision=archive.revision)
