"""Files that come back from their copies. In the process of a job: a copy can have gigabytes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from uuid import UUID

from django.db import transaction

from cameras.spool.durable import RootFiles
from captures.roots.models import Kept
from captures.storage.archives.models import ArchiveFile
from captures.storage.offsite.copy_rows import camera_named_in, camera_of, lock_copies, moved_rows
from captures.storage.offsite.destinations.port import CopyMissing, DestinationError, Pace, WrongChecksum
from captures.storage.offsite.jobs import has_row
from captures.storage.offsite.models import OffsiteCopy, file_columns
from captures.storage.offsite.selectors import find_copies
from captures.storage.offsite.senders import NoPace, opened
from captures.storage.offsite.states import CopyState
from captures.storage.stored_files import FILE_TABLES
from core import database_clock
from core.events.service import raise_alert, record_event

log = logging.getLogger(__name__)
PART = ".skycam-restore"


class NoCopy(Exception):
    """No destination has a whole copy of the file. The message says so."""


def fetch_copy(copy: OffsiteCopy, write: Callable[[bytes], object]) -> None:
    """Pass the content of a copy to `write`. DestinationError; WrongChecksum after the last byte if it is not the file,
    and CopyMissing: the copy is then queued again."""
    for chunk in _checked(copy, NoPace()):
        write(chunk)


def fetch_part(copies: Iterator[OffsiteCopy], files: RootFiles, folder: str, pace: Pace) -> tuple[OffsiteCopy, str]:
    """Write a whole copy into the folder, the first of `copies` that can be read, under the temporary name that is
    returned with it. NoCopy; DestinationError, of a copy that may be whole if there is one; OSError of the disk here;
    what `pace` raises."""
    last: DestinationError | None = None
    for copy in copies:
        try:
            return copy, _write_part(copy, files, folder, pace)
        except DestinationError as error:
            log.warning("The copy of %s at %s cannot be read: %s", copy.path, copy.destination.name, error)
            # One at a destination that is away may be whole: its error says that another attempt is worth it.
            if last is None or isinstance(last, (CopyMissing, WrongChecksum)):
                last = error
    if last is not None:
        raise last
    raise NoCopy("No destination has a verified copy of this file.")


def copies_of(table: str, pk: str | UUID | int, sha256: str) -> Iterator[OffsiteCopy]:
    """The verified copies with this content, the newest one first, also those of an archived file's source."""
    keys = [(table, str(pk))]
    if table == "archives":
        archived = ArchiveFile.objects.filter(pk=str(pk)).first()
        keys = list(sources(archived)) if archived else keys
    for name, key in keys:
        yield from find_copies(name, key).filter(sha256=sha256)


def _checked(copy: OffsiteCopy, pace: Pace) -> Iterator[bytes]:
    """The content; WrongChecksum at its end."""
    digest = hashlib.sha256()
    try:
        with opened(copy.destination, NoPace()) as sender:
            for chunk in sender.fetch(copy.key):
                pace.take_bytes(len(chunk))
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
        # All of the file's, locked: it is not deleted here because of this copy from now on, and of two copies that are
        # taken back at the same time one finds that it is the last.
        columns = {name: value for name, value in file_columns(copy.file).items() if value is not None}
        verified = OffsiteCopy.objects.filter(table=copy.table, state=CopyState.VERIFIED.value, **columns)
        found = lock_copies(verified)
        if copy.pk not in {one.pk for one in found}:
            return
        others = [one.destination.name for one in found if one.pk != copy.pk]
        is_here = not moved_rows(FILE_TABLES[copy.table], Kept.OFFSITE).filter(pk=copy.file).exists()
        if is_here:
            verified.filter(pk=copy.pk).update(
                state=CopyState.QUEUED, verified_at=None, verified_by="", retry_at=database_clock.read_now(),
                error=f"The copy was found to be {what}.",
            )  # fmt: skip
        elif others:
            _give_up(copy, what, others)
    if is_here:
        record_event(
            "offsite.damaged", f"A verified copy at {copy.destination.name} is {what}.", camera=camera_of(copy),
            severity="error", subject=copy.pk,
        )  # fmt: skip
    elif not others:
        # It stays what it is, for a person to mend at the far end.
        raise_alert(
            f"offsite.lost:{copy.destination_id}",
            f"The only copy of {copy.path}, at {copy.destination.name}, is {what}. Restore {copy.key} there.",
            severity="critical", camera=camera_of(copy), data={"copy": str(copy.pk)},
        )  # fmt: skip


def _give_up(copy: OffsiteCopy, what: str, others: list[str]) -> None:
    """The file is at the other destinations alone, so there is nothing here to send."""
    name = copy.destination.name
    error = (
        f"The copy was found to be {what}. The file itself is only at {', '.join(others)}: bring it back with "
        "`skycam offsite bring-back`, and it is copied again."
    )
    OffsiteCopy.objects.filter(pk=copy.pk).update(
        state=CopyState.DEAD, verified_at=None, verified_by="", upload="", error=error
    )
    message = f"The copy of a file at {name} is {what}: {error}"
    record_event(
        "offsite.damaged", message, camera=camera_of(copy), severity="error", subject=copy.pk, data={"path": copy.path}
    )
    raise_alert(
        f"offsite.dead:{copy.destination_id}", message, camera=camera_named_in(error, copy), severity="error",
        data={"destination": str(copy.destination_id)},
    )  # fmt: skip


def mend_archive_file(row: ArchiveFile, files: RootFiles, folder: str, name: str) -> bool:
    """Put a whole copy of an archive's file at its place: that of the file, or that of its source, which may be
    deleted here. False if no destination has one that can be read now."""
    files.make_folders(folder)
    try:
        _, part = fetch_part(copies_of("archives", row.pk, row.sha256), files, folder, NoPace())
    except NoCopy:
        return False
    except DestinationError as error:
        log.warning("The archive's file %s cannot be mended from its off-site copies: %s", row.pk, error)
        return False
    files.rename(folder, part, name)
    files.sync(folder)
    return True


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


def part_name(sha256: str) -> str:
    """The temporary name of a file with this content."""
    return f".{sha256[:32]}{PART}"


def _write_part(copy: OffsiteCopy, files: RootFiles, folder: str, pace: Pace) -> str:
    part = part_name(copy.sha256)
    # Left by a kill.
    files.unlink(folder, part)
    files.create(folder, part, _checked(copy, pace))
    return part
