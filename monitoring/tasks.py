"""What is done again and again: the station's health becomes alerts, and what is old enough is removed."""

from __future__ import annotations

from collections.abc import Iterable

from celery import shared_task
from django.conf import settings
from django.utils.module_loading import import_string

from monitoring import retention
from monitoring.health import HEALTH, OF_THIS_HOST, Finding, examined, sentences
from monitoring.selectors import unresolved_keys
from monitoring.services import raise_alert, resolve_alert

SETTLING = ("captures.missing_files.close_missing_alerts",)
"""What closes alerts that others than HEALTH have raised, once their cause is gone."""


@shared_task(name="monitoring.look_at_health", ignore_result=True)
def look_at_health() -> None:
    """The alerts of what HEALTH says of the whole station."""
    _bring_in_line(HEALTH.keys() - OF_THIS_HOST)
    for path in SETTLING:
        import_string(path)()


@shared_task(name="monitoring.remove_expired", ignore_result=True)
def remove_expired() -> None:
    retention.remove_expired()


def look_at_host() -> None:
    """The alerts of what HEALTH says of this machine. Each camera host asks for itself, without the broker."""
    _bring_in_line(OF_THIS_HOST)


def _bring_in_line(names: Iterable[str]) -> None:
    """An alert for each entry that has something to put right, one for each host and camera that it tells of; and its
    end when it has not. What has an alert of its own gets no second one."""
    wrong: dict[str, list[Finding]] = {}
    for name, found in examined(names).items():
        for finding in (one for one in found if not one.alert):
            wrong.setdefault(_key_of(name, finding), []).append(finding)
    for key, findings in wrong.items():
        first = findings[0]
        data = {"host": first.host} if first.host else {}
        raise_alert(key, " ".join(sentences(findings)), severity="error", camera=first.camera, data=data)
    for key in unresolved_keys("health.") - wrong.keys():
        if _is_ours(key, names):
            resolve_alert(key)


def _key_of(name: str, finding: Finding) -> str:
    """`health.broker`, `health.disk:dome`, `health.hosts:dome:sky`."""
    host = finding.host or (settings.STATION.host if name in OF_THIS_HOST else "")
    slug = finding.camera.slug if finding.camera else ""
    return ":".join(filter(None, [f"health.{name}", host, slug]))


def _is_ours(key: str, names: Iterable[str]) -> bool:
    """Whether this look decides about an alert: one of another host is that host's. One without a host was raised by
    an older version."""
    name, _, rest = key.removeprefix("health.").partition(":")
    if name in OF_THIS_HOST:
        return name in names and rest.partition(":")[0] in {"", settings.STATION.host}
    return name in names or name not in HEALTH
