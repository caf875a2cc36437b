"""What is looked at again and again: the station's health, as alerts."""

from __future__ import annotations

from celery import shared_task

from monitoring.health import examined
from monitoring.selectors import unresolved_keys
from monitoring.services import raise_alert, resolve_alert


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
