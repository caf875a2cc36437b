"""Whether the database takes writes now."""

from __future__ import annotations

from django.db import OperationalError, connection, transaction

READ_ONLY = "it is read-only, as a standby is"
READ_ONLY_REMEDY = "Promote it, or set DATABASE_URL to the server that takes writes."


def lock_error() -> str:
    """Why no transaction that writes can begin within the busy timeout of this process; empty if one can. SQLite
    answers readers while another program keeps the only writer's lock, PostgreSQL while it is a standby. DatabaseError
    if it does not answer at all."""
    try:
        with transaction.atomic():
            return READ_ONLY if is_read_only() else ""
    except OperationalError as error:
        if connection.vendor != "sqlite":
            raise
        return str(error).strip()


def is_read_only() -> bool:
    """Whether PostgreSQL refuses the writes of this transaction: a standby, or a server that is set so."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone() == ("on",))
