"""Removes expired browser sessions, sign-ins and tokens. Each function removes one batch, for RETENTION in
`monitoring/tables.py`, and returns how many rows it removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from core import database_clock
from monitoring.retention import BATCH
from skycam_project.access.models import ApiToken, SignIn

KEPT = timedelta(days=90)
"""How long ended sign-ins and expired tokens stay listed, so that people can see what they were."""


def remove_sessions() -> int:
    return _remove_batch(Session.objects.filter(expire_date__lte=database_clock.now()))


def remove_sign_ins() -> int:
    now = database_clock.estimate()
    living = Session.objects.filter(expire_date__gt=now).values("session_key")
    return _remove_batch(SignIn.objects.filter(at__lte=now - KEPT).exclude(session_key__in=living).order_by())


def remove_tokens() -> int:
    return _remove_batch(ApiToken.objects.filter(expires_at__lte=database_clock.now() - KEPT))


def _remove_batch(rows: QuerySet[Any]) -> int:
    # Django refuses delete() on a slice.
    keys = list(rows.values_list("pk", flat=True)[:BATCH])
    rows.model.objects.filter(pk__in=keys).delete()
    return len(keys)
