"""The first start of a station on the database that it was moved to."""

from __future__ import annotations

from django.db import connection, transaction

from core.database_move import MARK
from core.events.service import record_event


def note_arrival() -> None:
    """End the mark of the move and record its event, once. DatabaseError."""
    if connection.vendor != "postgresql" or MARK not in connection.introspection.table_names():
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {MARK}")
        record_event("database.moved", "The station's database was moved from SQLite to PostgreSQL.", camera=None)
