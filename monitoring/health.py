"""HEALTH: the station's health checks. Each entry is a function without arguments that returns a finding for each
problem, and none when all is well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import Error, connection

from core.camera_names import CameraRef
from core.database_health import lock, note, room
from core.outages import is_database_away
from core.registry import resolve
from monitoring.selectors import hidden_cameras

logger = logging.getLogger(__name__)

HEALTH: dict[str, str] = {
    "parts": "skycam_project.launch.health.part_problems",
    "database": "monitoring.health.database_problems",
    "broker": "cameras.status.health.broker_problems",
    "hosts": "cameras.status.health.host_problems",
    "pages": "skycam_project.pages.health.page_problems",
    "cameras": "cameras.status.health.camera_problems",
    "disk": "captures.storage.health.disk_problems",
    "backups": "skycam_project.backups.schedule.backup_problems",
    "notifications": "monitoring.notifications.outcomes.channel_problems",
}


HOST_CHECKS = frozenset({"parts", "database", "broker", "disk", "pages", "backups"})
"""Checks of a single machine, which only that machine can run: its parts, its disk, the files of its installation, and
whether it reaches the database and the broker. The others are about the whole station."""


LOCKED_REMEDY = "`skycam doctor` names the program that keeps it locked."


class NotObserved(Exception):
    """A check cannot see what it looks at, such as the hosts while the broker is away. It neither opens nor resolves
    an alert."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`camera` is the one that the sentence is about: only users who may see it get the finding. `host` is the machine
    that it is about; empty for the one that ran the check. `alert` is the key of an alert that already reports the
    problem."""

    sentence: str
    camera: CameraRef | None = None
    host: str = ""
    alert: str = ""


def run_checks(names: Iterable[str] = HEALTH) -> dict[str, list[Finding]]:
    """Entry of HEALTH -> its findings, without the entries that could not be observed. A check that raises becomes a
    finding."""
    results = {name: run_check(resolve(HEALTH[name])) for name in names}
    return {name: found for name, found in results.items() if found is not None}


def findings() -> dict[str, list[str]]:
    """Entry of HEALTH -> its sentences."""
    checked = run_checks()
    return {name: sentences(checked.get(name, [])) for name in HEALTH}


def findings_for(user: Any) -> dict[str, list[str]]:
    """As `findings`, without the cameras that are hidden from `user`."""
    hidden = {camera.id for camera in hidden_cameras(user)}
    checked = run_checks()
    return {
        name: sentences(one for one in checked.get(name, []) if one.camera is None or one.camera.id not in hidden)
        for name in HEALTH
    }


def sentences(found: Iterable[Finding]) -> list[str]:
    """Each once."""
    return list(dict.fromkeys(one.sentence for one in found))


def run_check(function: Callable[[], list[Finding]]) -> list[Finding] | None:
    """None when nothing was observed, as without a database."""
    try:
        return function()
    except NotObserved:
        return None
    except Exception as error:
        if is_database_away(error):
            # The database's own check reports it.
            return None
        # A check that raises must not hide the findings of the others, nor end the run that updates the alerts.
        logger.exception("A health check failed.")
        return [Finding(f"The check failed ({type(error).__name__}). The log has the traceback.")]


def database_problems() -> list[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        locked = lock.lock_error()
    except Error as error:
        sentence = f"The database does not answer ({type(error).__name__}). Start it, or check DATABASE_URL."
        return [Finding(sentence)]
    if (damage := note.read_note()) is not None:
        return [Finding(note.sentence(f"{damage['reason']}; since {damage['found']}, when Skycam {damage['by']}"))]
    if reason := room.write_error():
        return [Finding(f"The database takes no writes ({reason}). Free some space, or mount the disk writable.")]
    if locked:
        remedy = lock.READ_ONLY_REMEDY if locked == lock.READ_ONLY else LOCKED_REMEDY
        return [Finding(f"The database answers, but takes no writes: {locked}. {remedy}")]
    return []
