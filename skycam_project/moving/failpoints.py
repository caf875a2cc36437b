"""The failpoints of a move of the database, in their order."""

from __future__ import annotations

from core.failpoints import Failpoints

FAILPOINTS = Failpoints(
    (
        "after_mark",
        "after_migrations",
        "after_lock",
        "after_table",
        "after_commit",
        "after_stop",
        "after_record",
        "after_start",
    )
)
