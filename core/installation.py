"""When the station was installed."""

from __future__ import annotations

from datetime import datetime

from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min


def installed_at() -> datetime:
    """When the first migration was applied to its database."""
    applied: datetime = MigrationRecorder.Migration.objects.aggregate(Min("applied"))["applied__min"]
    return applied
