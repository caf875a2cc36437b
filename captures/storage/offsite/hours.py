"""The hours in which a destination may be used, by the site's clock. Django-free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time


@dataclass(frozen=True, slots=True)
class Hours:
    """From `begin` until before `end`; over midnight if `end` is the earlier one; always if both are equal or None."""

    begin: time | None
    end: time | None

    def are_open(self, local: datetime) -> bool:
        """`local` is the time that the site's clock shows."""
        if self.begin is None or self.end is None or self.begin == self.end:
            return True
        now = local.time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end
