"""A shorter busy timeout for SQLite: a request waits this long while another part writes, then gets 503.

For web and service. The worker's threads keep the longer timeout of the settings: no client waits for them.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

BUSY_TIMEOUT_S = 3.0


def set_busy_timeout(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # A PRAGMA for each new connection, because DATABASES is the same for all parts.
            cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")


def shorten_busy_timeouts() -> None:
    """Apply it to each connection that this process opens from now on."""
    connection_created.connect(set_busy_timeout)
