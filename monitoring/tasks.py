"""What is done again and again: the station's health becomes alerts, and what is old enough is removed."""

from __future__ import annotations

from collections.abc import Iterable

from celery import shared_task
from django.conf import settings
from django.utils.module_loading import import_string

from monitoring import retention
from monitoring.health import HEALTH, HOST_CHECKS, Finding, run_checks, sentences
from monitoring.selectors import unresolved_keys
from monitoring.services import raise_alert, resolve_alert

ALERT_RESOLVERS = ("captures.missing.settle_missing",)
"""What closes alerts that others than HEALTH have raised, once their cause is gone."""


@shared_task(name="monitoring.check_health", ignore_result=True)
def check_health() -> None:
    """The alerts of what HEALTH says of the whole station."""
    _sync_alerts(HEALTH.keys() - HOST_CHECKS)
    for path in ALERT_RESOLVERS:
        import_string(path)()


@shared_task(name="monitoring.remove_expired", ignore_result=True)
def remove_expired() -> None:
    retention.remove_expired()


def check_host() -> None:
    """The alerts of what HEALTH says of this machine. Each camera host asks for itself, without the broker."""
    _sync_alerts(HOST_CHECKS)


def _sync_alerts(names: Iterable[str]) -> None:
    """An alert for each entry that has something to put right, one for each host and camera that it tells of; and its
    end when it has not. What has an alert of its own gets no second one."""
    wrong: dict[str, list[Finding]] = {}
    for name, found in run_checks(names).items():
        for finding in (one for one in found if not one.alert):
            wrong.setdefault(_alert_key(name, finding), []).append(finding)
    for key, findings in wrong.items():
        first = findings[0]
        data = {"host": first.host} if first.host else {}
        raise_alert(key, " ".join(sentences(findings)), severity="error", camera=first.camera, data=data)
    for key in unresolved_keys("health.") - wrong.keys():
        if _is_checked_here(key, names):
            resolve_alert(key)


def _alert_key(name: str, finding: Finding) -> str:
    """`health.broker`, `health.disk:dome`, `health.hosts:dome:sky`."""
    host = finding.host or (settings.STATION.host if name in HOST_CHECKS else "")
    slug = finding.camera.slug if finding.camera else ""
    return ":".join(filter(None, [f"health.{name}", host, slug]))


def _is_checked_here(key: str, names: Iterable[str]) -> bool:
    """Whether this look decides about an alert: one of another host is that host's. One without a host was raised by
    an older version."""
    name, _, rest = key.removeprefix("health.").partition(":")
    if name in HOST_CHECKS:
        return name in names and rest.partition(":")[0] in {"", settings.STATION.host}
    return name in names or name not in HEALTH
