"""Whether the database takes writes now."""

from __future__ import annotations

from django.db import OperationalError, connection, transaction


def lock_error() -> str:
    """Why no transaction that writes can begin within the busy timeout of this process; empty if one can. SQLite
    answers readers while another program keeps the only writer's lock. DatabaseError if it does not answer at all."""
    try:
        with transaction.atomic():
            return ""
    except OperationalError as error:
        if connection.vendor != "sqlite":
            raise
        return str(error).strip()
