"""What is looked at again and again: the station's health, as alerts."""

from __future__ import annotations

from celery import shared_task
from django.utils.module_loading import import_string

from monitoring.health import examined
from monitoring.selectors import unresolved_keys
from monitoring.services import raise_alert, resolve_alert

SETTLING = ("captures.missing.settle_missing",)
"""What closes alerts that others than HEALTH have raised, once their cause is gone."""


@shared_task(name="monitoring.look_at_health", ignore_result=True)
def look_at_health() -> None:
    """An alert for each part of HEALTH that has something to put right, one for each camera that it tells of; and
    its end when it has not."""
    wrong: dict[tuple[str, str], list[str]] = {}
    for name, found in examined().items():
        for finding in found:
            key = f"health.{name}:{finding.camera}" if finding.camera else f"health.{name}"
            wrong.setdefault((key, finding.camera), []).append(finding.sentence)
    for (key, camera), sentences in wrong.items():
        raise_alert(key, " ".join(sentences), severity="error", camera=camera)
    for key in unresolved_keys("health.") - {key for key, _ in wrong}:
        resolve_alert(key)
    for path in SETTLING:
        import_string(path)()
