"""What an action would do with the chosen rows: how many, how large, the first of them, and what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet, Sum

from skycam_project.admin.actions.table import Action

FIRST = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """`skipped`: why -> number of rows. `hosts`: where the work is done; empty: here."""

    count: int
    bytes: int | None
    first: list[Any]
    skipped: dict[str, int]
    hosts: list[str]

    @property
    def more_text(self) -> str:
        """How many follow the first ones; empty for none."""
        more = self.count - len(self.first)
        return f"{more:,}" if more else ""

    @property
    def left_out(self) -> list[str]:
        return [f"{number:,} left out: they {why}." for why, number in self.skipped.items()]


def make_plan(action: Action, rows: QuerySet[Any]) -> Plan:
    left, skipped = rows, {}
    for skip in action.skips:
        if number := left.filter(skip.condition()).order_by().count():
            skipped[skip.why] = number
        left = left.exclude(skip.condition())
    plain = left.order_by()
    size = plain.aggregate(bytes=Sum(action.bytes))["bytes"] if action.bytes else None
    hosts = action.places.hosts(plain) if action.places else []
    return Plan(plain.count(), size, list(left[:FIRST]), skipped, hosts)


def is_left_out(action: Action) -> Q:
    """The rows that the action leaves out, for the check of each row just before its change."""
    found = Q(pk__in=[])
    for skip in action.skips:
        found |= skip.condition()
    return found
