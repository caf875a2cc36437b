"""Files that come back from their copies. In the process of a job: a copy can have gigabytes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator

from django.db import transaction

from cameras.spool.durable import RootFiles
from captures.archives.models import ArchiveFile
from captures.clips.deletion import open_root
from captures.offsite.destinations.port import CopyMissing, DestinationError, WrongChecksum
from captures.offsite.jobs import has_row
from captures.offsite.limits import NoPace
from captures.offsite.models import CopyState, OffsiteCopy
from captures.offsite.queue import camera_of, moved_rows
from captures.offsite.selectors import find_copy
from captures.offsite.senders import opened
from captures.storage.kept import Kept
from captures.storage.models import StorageRoot
from captures.stored_files.tables import FILE_TABLES, StoredFile
from core import database_clock
from monitoring.services import raise_alert, record_event

log = logging.getLogger(__name__)
PART = ".skycam-restore"


class NoCopy(Exception):
    """No destination has a whole copy of the file. The message says so."""


def fetch_copy(copy: OffsiteCopy, write: Callable[[bytes], object]) -> None:
    """Pass the content of a copy to `write`. DestinationError; WrongChecksum after the last byte if it is not the file,
    and CopyMissing: the copy is then queued again."""
    for chunk in _checked(copy):
        write(chunk)


def restore(file: StoredFile) -> OffsiteCopy:
    """Put the file back into its place, from a whole copy. The old file stays until the new one is whole beside it.
    Returns the copy. NoCopy, DestinationError; RootMissing and OSError of the disk here."""
    copy = find_copy(file.table, file.pk)
    if copy is None or copy.sha256 != file.sha256:
        raise NoCopy("No destination has a verified copy of this file.")
    folder, _, name = file.path.rpartition("/")
    with open_root(StorageRoot.objects.get(pk=file.root)) as files:
        _place(copy, files, folder, name)
    record_event(
        "offsite.restored", f"A file came back from its copy at {copy.destination.name}.", camera=camera_of(copy),
        subject=copy.pk, data={"table": file.table, "file": file.pk},
    )  # fmt: skip
    return copy


def _checked(copy: OffsiteCopy) -> Iterator[bytes]:
    """The content; WrongChecksum at its end."""
    digest = hashlib.sha256()
    try:
        with opened(copy.destination, NoPace()) as sender:
            for chunk in sender.fetch(copy.key):
                digest.update(chunk)
                yield chunk
    except CopyMissing:
        take_back(copy, "missing")
        raise
    if digest.hexdigest() != copy.sha256:
        take_back(copy, "damaged")
        raise WrongChecksum(f"The copy at {copy.destination.name} is damaged.")


def take_back(copy: OffsiteCopy, what: str) -> None:
    """It was verified once: the far end has changed since. The file here may be whole, and is then sent again."""
    # Not that of a file which is deleted here: there would be nothing to send, and nothing would name its only copy,
    # whose disk may be away.
    if what == "missing" and not has_row(copy):
        return
    with transaction.atomic():
        # Locked: the file here is not deleted because of this copy from now on.
        verified = OffsiteCopy.objects.filter(pk=copy.pk, state=CopyState.VERIFIED.value)
        if not list(verified.select_for_update()):
            return
        is_only_copy = moved_rows(FILE_TABLES[copy.table], Kept.OFFSITE).filter(pk=copy.file).exists()
        if not is_only_copy:
            verified.update(
                state=CopyState.QUEUED, verified_at=None, verified_by="", retry_at=database_clock.read_now(),
                error=f"The copy was found to be {what}.",
            )  # fmt: skip
    if is_only_copy:
        # It stays what it is, for a person to mend at the far end.
        raise_alert(
            f"offsite.lost:{copy.destination_id}",
            f"The only copy of {copy.path}, at {copy.destination.name}, is {what}. Restore {copy.key} there.",
            severity="critical", camera=camera_of(copy), data={"copy": str(copy.pk)},
        )  # fmt: skip
        return
    record_event(
        "offsite.damaged", f"A verified copy at {copy.destination.name} is {what}.", camera=camera_of(copy),
        severity="error", subject=copy.pk,
    )  # fmt: skip


def mend_archive_file(row: ArchiveFile, files: RootFiles, folder: str, name: str) -> bool:
    """Put a whole copy of an archive's file at its place: that of the file, or that of its source, which may be
    deleted here. False if no destination has one that can be read now."""
    for table, pk in sources(row):
        copy = find_copy(table, pk)
        if copy is None or copy.sha256 != row.sha256:
            continue
        try:
            _place(copy, files, folder, name)
        except DestinationError as error:
            log.warning("The archive's file %s cannot be mended from its off-site copy: %s", row.pk, error)
            continue
        return True
    return False


def sources(row: ArchiveFile) -> Iterator[tuple[str, str]]:
    """The files with this content: table and key."""
    yield "archives", str(row.pk)
    if row.gathered_from_id is not None:
        yield "archives", str(row.gathered_from_id)
    # By the manifest's facts: the row of a clip is deleted with its file, and its copies stay.
    if row.facts.get("kind") == "clip":
        yield "clips", str(row.facts["id"])
    elif row.capture_file_id is not None:
        yield "captures", str(row.capture_file_id)


def _place(copy: OffsiteCopy, files: RootFiles, folder: str, name: str) -> None:
    part = f".{copy.sha256[:32]}{PART}"
    files.make_folders(folder)
    # Left by a kill.
    files.unlink(folder, part)
    files.create(folder, part, _checked(copy))
    files.rename(folder, part, name)
    files.sync(folder)
