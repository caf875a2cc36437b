"""Turns the findings of the health checks into alerts."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, resolve_alert
from core.findings import Finding
from core.text.sentences import join_sentences
from monitoring.health import HEALTH, HOST_CHECKS, run_checks, sentences

SILENT_HOSTS = "hosts"
"""The check of other machines: its alerts have the name of the silent host."""


def check_station() -> None:
    """Run the checks of the whole station and update their alerts."""
    _sync_alerts(HEALTH.keys() - HOST_CHECKS)


def check_host() -> None:
    """Run the checks of this machine and update their alerts. Each camera host does it itself, also without the
    broker."""
    _sync_alerts(HOST_CHECKS)


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
