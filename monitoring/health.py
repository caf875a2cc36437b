"""HEALTH: the station's health checks, and the alerts that their findings become. Each entry is a function without
arguments that returns a finding for each problem, and none when all is well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db import Error, connection

from core import database_damage
from core import database_damage as database_writes
from core.events.selectors import hidden_cameras, unresolved_keys
from core.events.service import raise_alert, resolve_alert
from core.findings import Finding, NotObserved
from core.outages import is_database_away
from core.registry import resolve
from core.text.sentences import join_sentences
from monitoring.late_tasks import update_late_alerts

logger = logging.getLogger(__name__)

HEALTH: dict[str, str] = {
    "parts": "skycam_project.launch.health.part_problems",
    "database": "monitoring.health.database_problems",
    "broker": "cameras.status.health.broker_problems",
    "hosts": "cameras.status.health.host_problems",
    "pages": "skycam_project.pages.page_files.page_problems",
    "cameras": "cameras.status.health.camera_problems",
    "disk": "captures.roots.roots.disk_problems",
    "backups": "skycam_project.backups.jobs.backup_problems",
    "notifications": "monitoring.notifications.outcomes.channel_problems",
}


HOST_CHECKS = frozenset({"parts", "database", "broker", "disk", "pages", "backups"})
"""Checks of a single machine, which only that machine can run: its parts, its disk, the files of its installation, and
whether it reaches the database and the broker. The others are about the whole station."""


LOCKED_REMEDY = "`skycam doctor` names the program that keeps it locked."


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
        locked = database_writes.lock_error()
    except Error as error:
        sentence = f"The database does not answer ({type(error).__name__}). Start it, or check DATABASE_URL."
        return [Finding(sentence)]
    if (damage := database_damage.read_note()) is not None:
        reason = f"{damage['reason']}; since {damage['found']}, when Skycam {damage['by']}"
        return [Finding(database_damage.sentence(reason))]
    if reason := database_writes.write_error():
        return [Finding(f"The database takes no writes ({reason}). Free some space, or mount the disk writable.")]
    if locked:
        remedy = database_writes.READ_ONLY_REMEDY if locked == database_writes.READ_ONLY else LOCKED_REMEDY
        return [Finding(f"The database answers, but takes no writes: {locked}. {remedy}")]
    return []


SILENT_HOSTS = "hosts"
"""The check of other machines: its alerts have the name of the silent host."""


def check_station() -> None:
    """Run the checks of the whole station and update their alerts."""
    _sync_alerts(HEALTH.keys() - HOST_CHECKS)


def check_host() -> None:
    """Run the checks of this machine and update their alerts. Each camera host does it itself, also without the
    broker; and those of its periodic tasks."""
    _sync_alerts(HOST_CHECKS)
    update_late_alerts(settings.STATION.host)


def _sync_alerts(names: Iterable[str]) -> None:
    """Open an alert for each check with findings, one per host and camera, and resolve it when there are none. A
    finding that already has an alert gets no second one."""
    checked = run_checks(names)
    wrong: dict[str, list[Finding]] = {}
    for name, found in checked.items():
        for finding in (one for one in found if not one.alert):
            wrong.setdefault(_alert_key(name, finding), []).append(finding)
    for key, findings in wrong.items():
        first, host = findings[0], _host_of(findings[0])
        message = join_sentences(sentences(findings))
        raise_alert(key, message, severity="error", camera=first.camera, data={"host": host}, host=host)
    # Alerts are compared with the findings, not with those of the last run: a restart forgets nothing.
    for key in unresolved_keys("health.") - wrong.keys():
        if _is_checked_here(key, checked.keys()):
            resolve_alert(key)


def _host_of(finding: Finding) -> str:
    return finding.host or str(settings.STATION.host)


def _alert_key(name: str, finding: Finding) -> str:
    """`health.disk:dome`, `health.hosts:dome:sky`."""
    slug = finding.camera.slug if finding.camera else ""
    return ":".join(filter(None, [f"health.{name}", _host_of(finding), slug]))


def _is_checked_here(key: str, checked: Iterable[str]) -> bool:
    """Whether this run of checks may resolve an alert. Only a host itself resolves its alerts. One about a silent host
    is resolved by any host that sees its heartbeat. An alert without a host comes from an older version."""
    name, _, rest = key.removeprefix("health.").partition(":")
    if name not in HEALTH:
        # Nothing else would resolve the alert of a check that this version does not have.
        return True
    return name in checked and (name == SILENT_HOSTS or rest.partition(":")[0] in {"", settings.STATION.host})
