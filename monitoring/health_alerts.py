"""Turns the findings of the health checks into alerts."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from monitoring.health import HEALTH, HOST_CHECKS, Finding, run_checks, sentences
from monitoring.selectors import unresolved_keys
from monitoring.services import raise_alert, resolve_alert


def check_station() -> None:
    """Run the checks of the whole station and update their alerts."""
    _sync_alerts(HEALTH.keys() - HOST_CHECKS)


def check_host() -> None:
    """Run the checks of this machine and update their alerts. Each camera host does it itself, without the broker."""
    _sync_alerts(HOST_CHECKS)


def _sync_alerts(names: Iterable[str]) -> None:
    """Open an alert for each check with findings, one per host and camera, and resolve it when there are none. A
    finding that already has an alert gets no second one."""
    wrong: dict[str, list[Finding]] = {}
    for name, found in run_checks(names).items():
        for finding in (one for one in found if not one.alert):
            wrong.setdefault(_alert_key(name, finding), []).append(finding)
    for key, findings in wrong.items():
        first = findings[0]
        data = {"host": first.host} if first.host else {}
        raise_alert(key, " ".join(sentences(findings)), severity="error", camera=first.camera, data=data)
    # Alerts are compared with the findings, not with those of the last run: a restart forgets nothing.
    for key in unresolved_keys("health.") - wrong.keys():
        if _is_checked_here(key, names):
            resolve_alert(key)


def _alert_key(name: str, finding: Finding) -> str:
    """`health.broker`, `health.disk:dome`, `health.hosts:dome:sky`."""
    host = finding.host or (settings.STATION.host if name in HOST_CHECKS else "")
    slug = finding.camera.slug if finding.camera else ""
    return ":".join(filter(None, [f"health.{name}", host, slug]))


def _is_checked_here(key: str, names: Iterable[str]) -> bool:
    """Whether these checks may resolve an alert: only a host itself resolves its alerts. An alert without a host comes
    from an older version."""
    name, _, rest = key.removeprefix("health.").partition(":")
    if name in HOST_CHECKS:
        return name in names and rest.partition(":")[0] in {"", settings.STATION.host}
    # Any run resolves the alert of a check that this version does not have: nothing else would.
    return name in names or name not in HEALTH
