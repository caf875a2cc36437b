"""Marks minutes, hours and days whose aggregates are to be computed."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring.models import DueAggregate


def mark_due(seconds: int, starts: Iterable[tuple[int, int]]) -> None:
    """Mark aggregates of one level by channel and start, in the transaction that writes what they are computed from.

    A mark that exists is written again. On PostgreSQL this locks it until the end of the transaction: otherwise the
    aggregation could compute the aggregate without the rows of this transaction, and then delete the mark.
    """
    # Sorted: two transactions that lock the same marks in different orders would wait for each other.
    marks = [DueAggregate(channel_id=channel, seconds=seconds, start_s=start) for channel, start in sorted(set(starts))]
    DueAggregate.objects.bulk_create(
        marks, update_conflicts=True, unique_fields=["channel", "seconds", "start_s"], update_fields=["start_s"]
    )
