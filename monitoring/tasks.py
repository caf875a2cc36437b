"""What is looked at again and again: the station's health, as alerts."""

from __future__ import annotations

from celery import shared_task

from monitoring.health import findings
from monitoring.services import raise_alert, resolve_alert


@shared_task(name="monitoring.look_at_health", ignore_result=True)
def look_at_health() -> None:
    """An alert for each part of HEALTH that has something to put right, and its end when it has not."""
    for name, sentences in findings().items():
        if sentences:
            raise_alert(f"health.{name}", " ".join(sentences), severity="error")
        else:
            resolve_alert(f"health.{name}")
