"""Requests with an Idempotency-Key, as a station has them that was killed before it stored their answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from core.idempotency.claims import LEASE, fingerprint
from core.idempotency.models import IdempotentRequest
from skycam_project.access.models import User

KEY = "k-1"


def interrupted(username: str, path: str, body: Any, **fields: Any) -> IdempotentRequest:
    """The row of a POST whose lease has ended."""
    values = {"key": KEY, "method": "POST", "route": path.strip("/"), "lease_until": timezone.now()}
    print_ = fingerprint("POST", path, "", body)
    return IdempotentRequest.objects.create(
        user=User.objects.get(username=username), fingerprint=print_, **values | fields
    )


def interrupt(key: str = KEY) -> None:
    """Take the answer away from an answered request, as if it had not been stored before a kill."""
    _reopen(key, timezone.now())


def let_run(key: str = KEY) -> None:
    """The answered request is running again, as if its view had not ended yet."""
    _reopen(key, timezone.now() + LEASE / 2)


def _reopen(key: str, lease_until: datetime) -> None:
    IdempotentRequest.objects.filter(key=key).update(
        state="running", status=None, body="", headers={}, lease_until=lease_until
    )
