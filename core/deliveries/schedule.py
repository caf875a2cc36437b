"""`Schedule`: when the rows of a table are attempted, in the time of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from core import database_clock
from core.deliveries.retry_delays import RetryDelays


@dataclass(frozen=True, slots=True)
class Schedule:
    """`tries` and `at` are the columns of the attempts so far, and of the time of the next one."""

    delays: RetryDelays
    tries: str = "tries"
    at: str = "not_before"
    plans_ahead: bool = False
    """Whether the first attempt of a row may be planned for any time."""

    def is_due(self) -> Q:
        """Condition for the time of a row. A time that is further away than any delay comes from a clock that was set
        back since, or from a host whose clock is ahead: it does not hold the row back."""
        now = database_clock.now()
        too_far = Q(**{f"{self.at}__gt": now + timedelta(seconds=self.delays.max_delay_s)})
        if self.plans_ahead:
            too_far &= Q(**{f"{self.tries}__gt": 0})
        return Q(**{f"{self.at}__lte": now}) | too_far

    def is_used_up(self) -> Q:
        """Condition for rows that have had their last attempt."""
        return Q(**{f"{self.tries}__gte": self.delays.max_tries})

    def after(self, tries: int, retry_after_s: float | None = None) -> dict[str, datetime]:
        """The column of a row whose attempt, the `tries`-th, has failed."""
        delay_s = self.delays.delay_s(tries, retry_after_s)
        return {self.at: database_clock.now() + timedelta(seconds=delay_s)}

    def at_once(self) -> dict[str, datetime]:
        """The column of a row that is to be attempted now."""
        return {self.at: database_clock.now()}

    def again(self) -> dict[str, Any]:
        """The columns of a row that a person wants attempted again, as if it were new."""
        return self.at_once() | {self.tries: 0}
