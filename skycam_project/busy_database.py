"""How long a request waits for a SQLite file that another part is writing; after that it is answered with 503.

For web and service. The camera host's database thread keeps the patience of the settings: nobody waits for it.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

PATIENCE_S = 3.0


def shorten_patience(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {int(PATIENCE_S * 1000)}")


def answer_soon() -> None:
    """From now on, for each connection of this process that is made."""
    connection_created.connect(shorten_patience)
