"""A spool without a camera process: whoever recovers owns it meanwhile. Disabled, removed and quarantined cameras."""

from __future__ import annotations

import logging

from cameras.runtime.clock import OwnerClock
from cameras.runtime.programmes import SessionRunner
from cameras.runtime.recovery import Verdict
from cameras.runtime.spool import spool_folder
from cameras.runtime.storage import RootMissing, SpoolTaken, Storage
from cameras.supervision.wishes import Wish
from cameras.tables import RECOVERIES, resolve

log = logging.getLogger(__name__)
RESTING = (".done", ".lock", "rejected", "clips")


def settle(wish: Wish, verdict: Verdict | None = None) -> list[str]:
    """Recover the spool and carry out a wish to stop the session. Quick when there is nothing to do. What was set
    aside, in words.

    A spool that cannot be opened or written is left alone, and tried again the next time.
    """
    try:
        if _needs(wish):
            return _settle(wish, verdict)
    except (RootMissing, SpoolTaken) as error:
        log.info("The spool of %s is left alone: %s", wish.slug, error)
    except OSError as error:
        log.warning("The spool of %s cannot be settled: %s", wish.slug, error)
    return []


def _settle(wish: Wish, verdict: Verdict | None) -> list[str]:
    storage = Storage(wish.root_path, wish.root, wish.id, wish.part)
    try:
        if wish.part:
            rejected: list[str] = resolve(RECOVERIES[wish.part])(storage, verdict).rejected
        else:
            rejected = storage.recover(verdict).rejected
            _stop_session(wish, storage)
        return rejected
    finally:
        storage.close()


def _needs(wish: Wish) -> bool:
    from pathlib import Path

    folder = Path(wish.root_path, spool_folder(wish.id, wish.part))
    stop = wish.session is not None and wish.session["desired"] == "stopped"
    if not folder.is_dir():
        return stop
    unfinished = any(
        not path.name.endswith(RESTING) and not path.name.startswith(("slot-", "session-")) for path in folder.iterdir()
    )
    return unfinished or stop


def _stop_session(wish: Wish, storage: Storage) -> None:
    if wish.session is None or wish.session["desired"] != "stopped":
        return
    runner = SessionRunner(OwnerClock(), wish.id, wish.slug, wish.root)
    runner.attach(storage.spool)
    runner.order(wish.session)  # type: ignore[arg-type]
