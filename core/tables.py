"""What core needs from the apps above it, by dotted path: see `core/registry.py`."""

from __future__ import annotations

EXCEPTION_TABLES = {
    "core": "core.api.exceptions.EXCEPTIONS",
    "idempotency": "core.idempotency.view.EXCEPTIONS",
    "jobs": "core.jobs.api.EXCEPTIONS",
    "sensors": "monitoring.sensor_management.api.EXCEPTIONS",
    "notifications": "monitoring.notifications.api.EXCEPTIONS",
    "webhooks": "monitoring.webhooks.api.EXCEPTIONS",
    "cameras": "cameras.problems.EXCEPTIONS",
    "captures": "captures.problems.EXCEPTIONS",
    "hosts": "skycam_project.hosts.api.EXCEPTIONS",
    "access": "skycam_project.access.api.EXCEPTIONS",
}
"""App or package -> its table from exceptions to problems of the API."""
