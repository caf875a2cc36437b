"""An action on the chosen rows: what it would do (how many rows, how large, the first of them, and what it leaves
out), and how it is applied, in batches in the order of their ids. Each row is checked again at its turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q, QuerySet, Sum

from captures.files.verification import Stopped
from skycam_project.admin.actions.table import ITEM_ERRORS, Action, ItemRequest

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


BATCH = 200
MAX_LISTED = 1000
"""Rows with an error that a result lists. All are counted."""


@dataclass(slots=True)
class Outcome:
    """The result so far. `skipped`: rows that another person changed, or that are gone, since they were planned."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    problems: list[str] = field(default_factory=list)
    results: list[dict[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Outcome.__slots__}

    def add_error(self, row: Any, error: Exception) -> None:
        self.failed += 1
        if len(self.results) < MAX_LISTED:
            self.results.append({"id": str(row.pk), "name": str(row), "message": str(error)})
        number = "1 row has" if self.failed == 1 else f"{self.failed:,} rows have"
        self.problems = [f"{number} an error. The first: {self.results[0]['name']}: {self.results[0]['message']}"]


class ActionRun:
    """One pass over the rows that were chosen."""

    def __init__(self, action: Action, rows: QuerySet[Any], request: ItemRequest, outcome: Outcome) -> None:
        self._action, self._rows, self._request, self.outcome = action, rows.order_by("pk"), request, outcome

    def run(self, after: str = "") -> Iterator[str]:
        """The id of each row when it is done, behind the id `after`. It ends early when it is to stop."""
        while batch := list((self._rows.filter(pk__gt=UUID(after)) if after else self._rows)[:BATCH]):
            # One query for the batch: what was left out in the plan is not reported again.
            left_out = set(self._find([row.pk for row in batch]).filter(is_left_out(self._action)).values_list("pk"))
            for row in batch:
                if self._request.should_stop():
                    return
                after = str(row.pk)
                if (row.pk,) in left_out:
                    continue
                if not self._apply(row):
                    return
                yield after

    def _apply(self, row: Any) -> bool:
        """False when it was stopped in the middle."""
        assert self._action.apply is not None
        # At its turn, and not with the batch: a row before it may have taken hours.
        present = self._find([row.pk]).exclude(is_left_out(self._action)).first()
        if present is None:
            self.outcome.skipped += 1
            return True
        try:
            self._action.apply(present, self._request)
        except Stopped:
            return False
        except ITEM_ERRORS as error:
            self.outcome.add_error(present, error)
        except ObjectDoesNotExist:
            # Another began to delete it since the look above.
            self.outcome.skipped += 1
        else:
            self.outcome.done += 1
        return True

    def _find(self, keys: list[Any]) -> QuerySet[Any]:
        return self._rows.filter(pk__in=keys)
