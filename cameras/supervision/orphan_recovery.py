"""Recovers spools without a camera process: of disabled, removed and quarantined cameras. Recovery locks the spool."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from cameras.runtime.clock import CameraClock
from cameras.runtime.session_runner import SessionRunner
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.spool import spool_folder
from cameras.spool.storage import RootMissing, SpoolLocked, Storage, read_marker
from cameras.supervision.desired_state import DesiredState
from cameras.tables import RECOVERIES
from core.registry import resolve

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
