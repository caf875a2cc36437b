"""The jobs `offsite`, which sends the files of a host to a destination, and `offsite_test`."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from cameras.spool.durable import RootFiles
from cameras.spool.storage import RootMissing
from captures.recordings.clips.models import Clip
from captures.recordings.clips.services import open_root
from captures.roots.models import StorageRoot
from captures.storage.offsite import copy_rows
from captures.storage.offsite.destinations.folder import write_marker
from captures.storage.offsite.destinations.port import (
    FAILPOINTS,
    DestinationError,
    FileUnreadable,
    Interrupted,
    Sender,
    Source,
    Upload,
    WrongChecksum,
)
from captures.storage.offsite.destinations.settings import DestinationKind, FolderSettings
from captures.storage.offsite.models import Destination, DestinationHost, OffsiteCopy
from captures.storage.offsite.senders import NoPace, RowPace, allowed_folder, closed_reason, open_sftp, opened
from captures.storage.offsite.states import CopyState
from captures.storage.stored_files import FILE_TABLES
from core.events.service import record_event
from core.jobs.claims import others_wait
from core.jobs.context import JobContext
from core.jobs.tables import Lane
from core.text.sentences import pluralize

log = logging.getLogger(__name__)
FAIR_S, LONGEST_S = 30.0, 1800.0
"""A host runs one long job at a time. After FAIR_S this one ends for another one that is due, after LONGEST_S in any
case; the rest continues in the next job, within a file as well."""
PATIENCE_S = 5.0
"""Seconds that it waits for the next attempt of a failing destination, before it leaves that to a later job."""


@dataclass(slots=True)
class Totals:
    files: int = 0
    bytes: int = 0
    failed: int = 0


def send_files(context: JobContext) -> dict[str, Any]:
    """Arguments: `destination` (id). Sends until nothing is due, or may be sent. A kill at any line loses at most a
    part of a file."""
    sending = Sending(context, UUID(context.arguments["destination"]), settings.STATION.host)
    reason = sending.run()
    found = sending.totals
    return {"files": found.files, "bytes": found.bytes, "failed": found.failed, "stopped": reason}


class Sending:
    """One job. A connection is used for many files, and opened again after a failure."""

    def __init__(self, context: JobContext, destination: UUID, host: str) -> None:
        self._context, self._destination, self._host = context, destination, host
        self._pace = RowPace(destination, self._stop_reason)
        self._began = time.monotonic()
        self.totals = Totals()
        self._missing = set[UUID]()
        """Roots that are not mounted: this job tries no other file of them."""

    def run(self) -> str:
        """Returns why it ended; empty when nothing was left."""
        destination = self._present()
        if destination is None:
            return closed_reason(None)
        copy_rows.take_back_lost(destination, self._host)
        try:
            while (destination := self._present()) is not None and self._has_work(destination):
                try:
                    with opened(destination, self._pace) as sender:
                        while self._send_next(destination, sender):
                            pass
                except DestinationError as error:
                    copy_rows.note_destination_failed(destination, self._host, str(error))
                    self.totals.failed += 1
        except Interrupted as reason:
            return str(reason)
        return ""

    def _present(self) -> Destination | None:
        return Destination.objects.filter(pk=self._destination).first()

    def _has_work(self, destination: Destination) -> bool:
        """Waits for a destination that fails, for a while. Interrupted."""
        self._pace.check()
        if not OffsiteCopy.objects.filter(copy_rows.due(destination, self._host, self._missing)).exists():
            return False
        wait_s = copy_rows.wait_s(destination, self._host)
        if wait_s > PATIENCE_S:
            raise Interrupted("The destination fails; it is tried again later.")
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            time.sleep(0.1)
            self._pace.check()
        return True

    def _send_next(self, destination: Destination, sender: Sender) -> bool:
        """False if none is due. DestinationError, when the connection is to be opened again; Interrupted."""
        self._pace.check()
        copy = copy_rows.claim_next(destination, self._host, self._missing)
        if copy is None:
            return False
        FAILPOINTS.hit("after_claim")
        self._report(destination)
        if not self._send(copy, sender, destination):
            # Whatever it was: the next file gets a new connection, after the pause of the destination.
            self.totals.failed += 1
            return False
        return True

    def _send(self, copy: OffsiteCopy, sender: Sender, destination: Destination) -> bool:
        """False after a failure that may be the destination's, and when it is at another place by now."""
        upload = Upload(copy.upload, again=copy.attempts > 1, save=lambda ident: save_upload(copy, ident))
        try:
            with opened_source(copy) as source:
                source.check(self._pace.check)
                verified_by = sender.put_file(source, copy.key, upload)
                FAILPOINTS.hit("after_copy_compared")
        except Interrupted:
            copy_rows.note_interrupted(copy)
            raise
        except RootMissing as error:
            self._missing.add(copy.root)
            copy_rows.note_waiting(copy, str(error))
            return True
        except FileUnreadable as error:
            self._give_up(copy, sender, str(error))
            return True
        except WrongChecksum as error:
            copy_rows.note_damaged(copy, str(error))
            return True
        except DestinationError as error:
            copy_rows.note_failed(copy, str(error))
            return False
        if not copy_rows.note_verified(copy, verified_by, destination):
            return False
        FAILPOINTS.hit("after_row_verified")
        self.totals.files += 1
        self.totals.bytes += copy.bytes
        return True

    @staticmethod
    def _give_up(copy: OffsiteCopy, sender: Sender, error: str) -> None:
        upload = copy.upload
        if has_row(copy):
            copy_rows.note_dead(copy, error)
        else:
            copy_rows.note_gone(copy)
        if upload or copy.attempts > 1:
            sender.forget(copy.key, upload)

    def _report(self, destination: Destination) -> None:
        found = self.totals
        sentence = f"{pluralize(found.files, 'file')} copied to {destination.name}, {found.failed} failed attempts"
        self._context.progress(found.files, None, sentence)

    def _stop_reason(self) -> str:
        if self._context.should_stop():
            return "The job is to stop."
        run_s = time.monotonic() - self._began
        if run_s > LONGEST_S:
            return "It continues in the next job."
        if run_s > FAIR_S and others_wait(self._context.id, self._host, Lane.LONG):
            return "Another job waits; it continues afterwards."
        return ""


def save_upload(copy: OffsiteCopy, ident: str) -> None:
    """In the row, so that a killed upload is continued. Not once the destination is at another place."""
    copy.upload = ident
    rows = OffsiteCopy.objects.filter(pk=copy.pk, state=CopyState.SENDING, attempts=copy.attempts)
    rows.update(upload=ident)


def has_row(copy: OffsiteCopy) -> bool:
    """Whether the file still has its row, and is not being deleted."""
    if copy.table == "clips":
        return Clip.objects.present().filter(pk=copy.file).exists()
    # Not `rows()`: a damaged file of an archive may be mended, and is copied then.
    return bool(FILE_TABLES[copy.table].rows().model._base_manager.filter(pk=copy.file).exists())


@contextlib.contextmanager
def readable_root(root: StorageRoot) -> Iterator[RootFiles]:
    """RootMissing also if it cannot be opened: that is a fault of the disk or share, and not of one file."""
    with contextlib.ExitStack() as stack:
        try:
            files = stack.enter_context(open_root(root))
        except OSError as error:
            raise RootMissing(f"The storage root {root.path} cannot be opened: {error.strerror}.") from error
        yield files


@contextlib.contextmanager
def opened_source(copy: OffsiteCopy) -> Iterator[Source]:
    """The file, below its root and without following symbolic links. FileUnreadable, RootMissing."""
    folder, _, name = copy.path.rpartition("/")
    root = StorageRoot.objects.filter(pk=copy.root).first()
    if root is None:
        raise FileUnreadable("Its storage root is unknown.")
    try:
        with readable_root(root) as files, files.folder(folder) as at:
            # O_NONBLOCK: a FIFO in the place of the file would block for ever.
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its path is not one"
        raise FileUnreadable(f"The file cannot be opened: {why}.") from error
    try:
        yield Source(descriptor, copy.bytes, copy.sha256)
    finally:
        # What was read to its end need not displace what is in use.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


# Tests of a destination


def probe_destination(context: JobContext) -> dict[str, Any]:
    """Arguments: `destination` (id). Connects, writes, reads and removes a small file. The first test of a kind with a
    key or a marker pins it. The result: `works`, and `said`, sentences."""
    destination = Destination.objects.filter(pk=context.arguments["destination"]).first()
    if destination is None:
        return {"works": False, "said": [closed_reason(None)]}
    try:
        said = PROBES[destination.kind](destination)
    except DestinationError as error:
        return {"works": False, "said": [str(error)]}
    copy_rows.note_works(destination, settings.STATION.host)
    return {"works": True, "said": said}


def probe_s3(destination: Destination) -> list[str]:
    from captures.storage.offsite.destinations.s3 import S3Sender

    with opened(destination, NoPace()) as sender:
        assert isinstance(sender, S3Sender)
        said = sender.probe()
        takes, checks = sender.probe_checksums()
    copy_rows.host_of(destination, settings.STATION.host)
    DestinationHost.objects.filter(destination=destination).update(takes_checksums=takes, checks_sha256=checks)
    if not takes:
        return [*said, "The server refuses checksums: copies are sent without them, and verified by reading them back."]
    if checks:
        return [*said, "The server refuses a wrong SHA-256: copies are verified by what it computes."]
    return [*said, "The server does not check SHA-256: copies are verified by reading them back."]


def probe_sftp(destination: Destination) -> list[str]:
    from captures.storage.offsite.destinations.sftp import SftpSender

    with opened(destination, NoPace(), lambda one, pace: open_sftp(one, pace, pin=True)) as sender:
        assert isinstance(sender, SftpSender)
        said, key = sender.probe(), sender.found_key
    # Conditional: of two first tests one pins.
    if Destination.objects.filter(pk=destination.pk, host_key="").update(host_key=key):
        name = destination.name
        record_event("offsite.pinned", f"The key of {name} is pinned: {key}.", camera=None, subject=destination.pk)
        said = [*said, "It is pinned now. Compare it with that of your server: `ssh-keygen -lf` prints it there."]
    return said


def probe_folder(destination: Destination) -> list[str]:
    found = destination.typed_settings
    assert isinstance(found, FolderSettings)
    # Only before the first copy: later on, a folder without a marker is a disk that is not mounted.
    if not destination.copies.filter(host=settings.STATION.host).exclude(verified_at=None).exists():
        write_marker(allowed_folder(found.path), str(destination.pk))
    with opened(destination, NoPace()) as sender:
        return sender.probe()


PROBES: dict[str, Callable[[Destination], list[str]]] = {
    DestinationKind.S3: probe_s3,
    DestinationKind.SFTP: probe_sftp,
    DestinationKind.FOLDER: probe_folder,
}
"""Kind -> its test."""
