"""A camera that is removed between two statements of another change."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from cameras.models import Camera


def remove_before_the_lock(execute: Any, sql: str, *rest: Any) -> Any:
    """The change begins with a savepoint, after the page has looked the camera up."""
    if sql.startswith("SAVEPOINT"):
        Camera.objects.update(removed_at=timezone.now())
    return execute(sql, *rest)
