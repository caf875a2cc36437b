"""`Transitions`: the moves of rows from one state to another, each one conditional UPDATE."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from core import database_clock


@dataclass(frozen=True, slots=True)
class Transitions:
    name: str
    """What has the state, with its article."""
    table: Mapping[Any, Collection[Any]]
    """State -> the states that may follow."""
    ended: Collection[Any] = ()
    """The states in which `ended_at` is set; empty for a model without that column."""

    def check(self, before: str, after: str) -> None:
        """ValueError for a move that the table does not have."""
        if after not in self.table[before]:
            raise ValueError(f"{self.name} does not go from {before} to {after}.")

    def move(self, rows: QuerySet[Any], before: str, after: str, **fields: Any) -> int:
        """Move those of `rows` that are in the state `before`, with `fields`, and return their number. ValueError."""
        self.check(before, after)
        if self.ended:
            fields["ended_at"] = database_clock.now() if after in self.ended else None
        # The state is a condition of the UPDATE itself: of two processes that move a row one does.
        return rows.filter(state=before).update(state=after, **fields)
