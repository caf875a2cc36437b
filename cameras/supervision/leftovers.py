"""A spool without a camera process: whoever recovers owns it meanwhile. Disabled, removed and quarantined cameras."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from cameras.runtime.clock import CameraClock
from cameras.runtime.programmes import SessionRunner
from cameras.runtime.recovery import Verdict
from cameras.runtime.spool import spool_folder
from cameras.runtime.storage import RootMissing, SpoolLocked, Storage, read_marker
from cameras.supervision.wishes import Wish
from cameras.tables import RECOVERIES, resolve

log = logging.getLogger(__name__)
RESTING = (".done", ".lock", "rejected", "clips")


@dataclass(frozen=True, slots=True)
class Settled:
    """What was set aside, in words, and a sentence of clips that the disk does not let be brought to their end."""

    rejected: list[str] = field(default_factory=list)
    left: str = ""
    idle: bool = False
    """There was nothing to do."""


def settle(wish: Wish, verdict: Verdict | None = None) -> Settled | None:
    """Recover the spool and carry out a wish to stop the session. Quick when there is nothing to do.

    None: a spool that cannot be opened or written is left alone, and tried again the next time.
    """
    try:
        return _settle(wish, verdict) if _needs(wish) else Settled(idle=True)
    except (RootMissing, SpoolLocked) as error:
        log.info("The spool of %s is left alone: %s", wish.slug, error)
    except OSError as error:
        log.warning("The spool of %s cannot be settled: %s", wish.slug, error)
    return None


def _settle(wish: Wish, verdict: Verdict | None) -> Settled:
    storage = Storage(wish.root_path, wish.root, wish.id, wish.part)
    try:
        if wish.part:
            found = resolve(RECOVERIES[wish.part])(storage, verdict)
            return Settled(found.rejected, found.left(wish.slug, wish.root_path))
        rejected = storage.recover(verdict).rejected
        _stop_session(wish, storage)
        _end_session_elsewhere(wish, storage)
        return Settled(rejected)
    finally:
        storage.close()


def holds_rejected(wish: Wish) -> bool:
    """Whether something that was set aside lies there still; also where nobody can tell, as the root is not there."""
    if read_marker(wish.root_path) != wish.root:
        return True
    try:
        return bool(os.listdir(Path(wish.root_path, spool_folder(wish.id, wish.part), "rejected")))
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _needs(wish: Wish) -> bool:
    folder = Path(wish.root_path, spool_folder(wish.id, wish.part))
    stop = wish.session is not None and wish.session["desired"] == "stopped"
    if not folder.is_dir():
        return stop
    resting = ("slot-",) if wish.elsewhere else ("slot-", "session-")
    unfinished = any(not path.name.endswith(RESTING) and not path.name.startswith(resting) for path in folder.iterdir())
    return unfinished or stop


def _stop_session(wish: Wish, storage: Storage) -> None:
    if wish.session is None or wish.session["desired"] != "stopped":
        return
    runner = SessionRunner(CameraClock(), wish.id, wish.slug, wish.root)
    runner.attach_spool(storage.spool)
    runner.apply_desired_session(wish.session)  # type: ignore[arg-type]


def _end_session_elsewhere(wish: Wish, storage: Storage) -> None:
    """Of a camera that another host has now: a process of a later day must not go on with it here."""
    if wish.elsewhere:
        runner = SessionRunner(CameraClock(), wish.id, wish.slug, wish.root)
        runner.attach_spool(storage.spool)
        runner.fail_session("host_down", "The camera was moved to another host while this one was away.")
