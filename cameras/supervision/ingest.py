"""Ingests spool records into the database: one path, idempotent by the record's id, which reads `.done` files only;
and alerts for what cannot be ingested. Before, spools without a camera process are recovered, those of disabled,
removed and quarantined cameras. Recovery locks the spool."""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, IntegrityError, transaction

from cameras.runtime.clock import CameraClock
from cameras.runtime.session_runner import SessionRunner
from cameras.spool.durable import RootFiles
from cameras.spool.failpoints import hit_failpoint
from cameras.spool.records import Record
from cameras.spool.recovery import DecidedOutcome, checked_record, reject_record
from cameras.spool.spool import Spool, spool_folder
from cameras.spool.storage import MARKER, RootMissing, SpoolLocked, Storage, read_marker
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.ports import Fence, NoFence
from cameras.tables import RECORDS, RECOVERIES
from core.camera_names import CameraRef
from core.changes import read_again
from core.events.models import Alert
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, record_event, resolve_alert
from core.registry import resolve
from core.text.sentences import sentence

log = logging.getLogger(__name__)
IDLE_SUFFIXES = (".done", ".lock", ".state", "rejected", "clips")


@dataclass(frozen=True, slots=True)
class RecoveredSpool:
    """Descriptions of the rejected records, and a sentence about clips that the disk does not let be finished."""

    rejected: list[str] = field(default_factory=list)
    left: str = ""
    idle: bool = False
    """Nothing had to be done."""


def recover_spool(desired: DesiredState, decided: DecidedOutcome | None = None) -> RecoveredSpool | None:
    """Recover the spool, and stop the session if that is desired. Fast when there is nothing to do.

    None: the spool cannot be opened or written; it is left alone until the next sweep.
    """
    try:
        return _recover(desired, decided) if _needs_recovery(desired) else RecoveredSpool(idle=True)
    except (RootMissing, SpoolLocked) as error:
        log.info("The spool of %s is left alone: %s", desired.slug, error)
    except OSError as error:
        log.warning("The spool of %s cannot be recovered: %s", desired.slug, error)
    return None


def _recover(desired: DesiredState, decided: DecidedOutcome | None) -> RecoveredSpool:
    storage = Storage(desired.root_path, desired.root, desired.id, desired.part)
    try:
        if desired.part:
            found = resolve(RECOVERIES[desired.part])(storage, decided)
            return RecoveredSpool(found.rejected, found.left(desired, desired.root_path))
        rejected = storage.recover(decided).rejected
        _stop_session(desired, storage)
        _end_session_elsewhere(desired, storage)
        return RecoveredSpool(rejected)
    finally:
        storage.close()


def holds_rejected(desired: DesiredState) -> bool:
    """Whether rejected records are left. Also True when the root is absent and cannot be checked."""
    if read_marker(desired.root_path) != desired.root:
        return True
    try:
        return bool(os.listdir(Path(desired.root_path, spool_folder(desired.id, desired.part), "rejected")))
    except FileNotFoundError:
        return False
    except OSError:
        return True


def holds_record(desired: DesiredState, record: str) -> bool:
    """Whether the finished record is there. Also True when the root is absent and cannot be checked."""
    if read_marker(desired.root_path) != desired.root:
        return True
    try:
        return Path(desired.root_path, spool_folder(desired.id, desired.part), f"{record}.done").exists()
    except OSError:
        return True


def _needs_recovery(desired: DesiredState) -> bool:
    # Without the lock and without a write: each sweep comes here for every spool without a process.
    folder = Path(desired.root_path, spool_folder(desired.id, desired.part))
    stop = desired.session is not None and desired.session["desired"] == "stopped"
    # A session that never reached a spool is stopped as well: its row waits for that report.
    if not folder.is_dir():
        return stop
    # The session of a camera that moved is ended here, so its file is not idle.
    idle_prefixes = ("slot-",) if desired.elsewhere else ("slot-", "session-")
    unfinished = any(
        not path.name.endswith(IDLE_SUFFIXES) and not path.name.startswith(idle_prefixes) for path in folder.iterdir()
    )
    return unfinished or stop


def _stop_session(desired: DesiredState, storage: Storage) -> None:
    if desired.session is None or desired.session["desired"] != "stopped":
        return
    runner = SessionRunner(CameraClock(), desired.id, desired.slug, desired.root)
    runner.attach_spool(storage.spool)
    runner.apply_desired_session(desired.session)


def _end_session_elsewhere(desired: DesiredState, storage: Storage) -> None:
    """End the session of a camera that moved to another host, so that no later process continues it here."""
    if desired.elsewhere:
        runner = SessionRunner(CameraClock(), desired.id, desired.slug, desired.root)
        runner.attach_spool(storage.spool)
        runner.fail_session("host_down", "The camera was moved to another host while this one was away.")


WRONG_RECORD = (
    ValueError, KeyError, TypeError, AttributeError, OverflowError, ValidationError, ObjectDoesNotExist,
    IntegrityError, DataError,
)  # fmt: skip
"""Errors of a record that can never be ingested. Retrying it would block every record behind it."""


NO_FENCE = NoFence()
Committed = Callable[[Record], None]
"""Gets a record once its row is committed."""


def ingest_records(records: Sequence[Record], committed: Committed = lambda _: None, fence: Fence = NO_FENCE) -> None:
    """Write the records to the database in their order, all in one transaction: if one of them is refused, none is
    written. Idempotent. LeaseLost."""
    with transaction.atomic():
        fence.check()
        # Before the calls that the records' kinds add: a caller waits for these, and no one for a notice. Robust: a
        # failure is logged, and is no failure of the row.
        for record in records:
            transaction.on_commit(functools.partial(committed, record), robust=True)
        for kind, of_kind in itertools.groupby(records, lambda record: record["kind"]):
            resolve(RECORDS[kind])(list(of_kind))


class SpoolIngester:
    """Ingests the `.done` records of one camera's spool. Needs no lock: the spool's owner is finished with them."""

    def __init__(self, files: RootFiles, camera: str, slug: str, part: str = "") -> None:
        self.spool, self.id, self.slug = Spool(files, camera, part), camera, slug

    def is_on(self, root: str) -> bool:
        """Whether the opened folder is that root, and not the empty mount point."""
        try:
            return self.spool.files.read("", MARKER).decode("ascii").strip() == root
        except (OSError, UnicodeDecodeError):
            return False

    def waiting_records(self) -> list[str]:
        try:
            return [name.removesuffix(".done") for name in self.spool.names() if name.endswith(".done")]
        except FileNotFoundError:
            return []

    def read_record(self, record: str) -> Record | None:
        """None when there is no such record (any more)."""
        try:
            return checked_record(self.spool.read(f"{record}.done"), f"{record}.done")
        except FileNotFoundError:
            return None

    def ingest(self, record: str, committed: Committed = lambda _: None, fence: Fence = NO_FENCE) -> Record | None:
        """Ingest one record; None when it was rejected or is gone. Raises DatabaseError while the database is away, and
        LeaseLost."""
        try:
            found = self.read_record(record)
            if found is None:
                return None
            ingest_records([found], committed, fence)
        except WRONG_RECORD as error:
            self._reject(record, error, fence)
            return None
        hit_failpoint("after_commit")
        return found

    def remove_records(self, records: Sequence[Record]) -> None:
        """Remove records whose rows are committed. One that cannot be removed is logged: the next sweep ingests it
        again, which changes nothing, and removes it."""
        try:
            for record in records:
                self._unlink(record)
                hit_failpoint("after_unlink")
            self.spool.files.sync(self.spool.folder)
        except OSError as error:
            log.error("The ingested records of %s cannot be removed: %s", self.slug, error)

    def _unlink(self, record: Record) -> None:
        # The record last: a kill before that repeats both. Nothing would remove a session's file that remained alone.
        if "settles" in record:
            self.spool.files.unlink(self.spool.folder, record["settles"])
        self.spool.files.unlink(self.spool.folder, f"{record['id']}.done")

    def _reject(self, record: str, error: Exception, fence: Fence) -> None:
        log.error("The record %s of %s was rejected: %s", record, self.slug, error)
        message = sentence(
            "A record of {camera} could not be ingested ({error}). It is in {folder}/rejected. Its pictures are kept. "
            "Check the record, then remove it there.",
            camera=self, error=error, folder=self.spool.folder,
        )  # fmt: skip
        # Before the record is moved: a kill between the two repeats them, and no record in `rejected` lacks its alert.
        with transaction.atomic():
            fence.check()
            record_event("spool.rejected", message, severity="error", camera=self, subject=record)
            raise_alert(f"spool.rejected:{self.slug}", message, severity="error", camera=self)
        try:
            reject_record(self.spool, f"{record}.done")
        except OSError as problem:
            if problem.errno != errno.ENOENT:
                raise


class OpenedSpool:
    """A context manager: the ingester of a camera's spool, with the root's descriptor open inside the block."""

    def __init__(self, desired: DesiredState) -> None:
        self._desired = desired

    def __enter__(self) -> SpoolIngester:
        """OSError."""
        self._files = RootFiles(self._desired.root_path)
        return SpoolIngester(self._files, self._desired.id, self._desired.slug, self._desired.part)

    def __exit__(self, *_: object) -> None:
        self._files.close()


class OpenedSpools(contextlib.ExitStack):
    """A context manager: the spools of a batch, each opened when it is needed first."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: dict[tuple[str, str, str], SpoolIngester] = {}

    def open(self, desired: DesiredState) -> SpoolIngester:
        """OSError."""
        key = desired.root_path, desired.id, desired.part
        if key not in self._opened:
            self._opened[key] = self.enter_context(OpenedSpool(desired))
        return self._opened[key]


REJECTED = "spool.rejected"
"""The kind of event; the alert is `spool.rejected:<slug>`. A person decides about rejected records: the alert is
resolved when none is left."""
UNREADABLE = "spool.unreadable:"
"""Followed by the slug. The alert's data name the record: it is resolved when that is gone from the spool, and opened
again for another one."""


@transaction.atomic
def raise_rejected_alert(camera: CameraRef, rejected: list[str]) -> None:
    """`rejected` are descriptions. Raises DatabaseError."""
    text = sentence(
        "The spool of {camera} held unusable records: {records}", camera=camera, records="; ".join(rejected)[:500]
    )
    record_event(REJECTED, text, severity="error", camera=camera)
    raise_alert(f"{REJECTED}:{camera.slug}", text, severity="error", camera=camera)


def resolve_rejected_alerts(places: Iterable[DesiredState]) -> None:
    """Resolve the alerts of cameras whose rejected records a person has removed. A slug may have belonged to another
    camera before. `places` are all spools of this host. Raises DatabaseError."""
    spools = list(places)
    opened = Alert.objects.filter(key__startswith=f"{REJECTED}:").exclude(state=Alert.State.RESOLVED)
    for key in opened.values_list("key", flat=True):
        read_again()  # a person may remove what it is about
        own = [place for place in spools if key == f"{REJECTED}:{place.slug}"]
        if own and not any(holds_rejected(place) for place in own):
            resolve_alert(key)


def raise_unreadable_alert(camera: DesiredState, record: str, error: OSError) -> None:
    """Unless it is open, for this record or another one of the camera. Raises DatabaseError."""
    key = f"{UNREADABLE}{camera.slug}"
    # `raise_alert` would increase the count of the open alert at each try.
    if key in unresolved_keys(UNREADABLE):
        return
    folder = f"{camera.root_path}/{spool_folder(camera.id, camera.part)}"
    message = sentence(
        "A record of {camera} cannot be read ({error}). It is {folder}/{record}.done, and is tried again every few "
        "seconds. Check the disk. A record that is lost can be removed there; its pictures are kept.",
        camera=camera, error=error, folder=folder, record=record,
    )  # fmt: skip
    raise_alert(key, message, severity="error", camera=camera, data={"record": record})


def resolve_unreadable_alerts(places: Iterable[DesiredState]) -> None:
    """Resolve the alerts of records that were ingested or removed since. `places` are all spools of this host. Raises
    DatabaseError."""
    spools = list(places)
    opened = Alert.objects.filter(key__startswith=UNREADABLE).exclude(state=Alert.State.RESOLVED)
    for key, data in opened.values_list("key", "data"):
        read_again()
        own = [place for place in spools if key == f"{UNREADABLE}{place.slug}"]
        if own and not any(holds_record(place, data["record"]) for place in own):
            resolve_alert(key)


class UnfinishedClips:
    """The alerts `recording.left:<slug>` of cameras without a process. `enqueue` makes the calls that need the
    database."""

    def __init__(self, enqueue: Callable[[Callable[[], Any]], None]) -> None:
        self._enqueue = enqueue
        self._left: dict[tuple[str, str], str] = {}
        """Slug and root -> message of the alert."""

    def update_alert(self, desired: DesiredState, recovered: RecoveredSpool) -> None:
        """Raise or resolve the alert after a recovery. Raised again on every recovery, because the end of a recorder's
        own alerts may come after it."""
        before = self._left.pop((desired.slug, desired.root), "")
        if recovered.left:
            self._left[desired.slug, desired.root] = recovered.left
            if recovered.left != before:
                log.warning("%s", recovered.left)
            self._enqueue(functools.partial(_raise_unless_open, desired, recovered.left))
        # An idle spool without an alert costs no write: this runs every few seconds for each camera without a process.
        elif (before or not recovered.idle) and all(slug != desired.slug for slug, _ in self._left):
            self._enqueue(functools.partial(resolve_alert, _key(desired.slug)))


def _key(slug: str) -> str:
    return f"recording.left:{slug}"


def _raise_unless_open(camera: CameraRef, message: str) -> None:
    """Raise the alert unless it is open with this message."""
    # `raise_alert` would increase the count of the open alert at each sweep.
    if not Alert.objects.filter(key=_key(camera.slug), message=message).exclude(state=Alert.State.RESOLVED).exists():
        raise_alert(_key(camera.slug), message, severity="critical", camera=camera)
