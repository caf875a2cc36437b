"""Steps that run one after the other, in rows that run at the same time."""

from __future__ import annotations

from scheduler.telescope.driver.states import ControllerState
from scheduler.telescope.simulator.procedures import STATES, Row, StepKind


class StepSequence:
    """The rows of one command. Times are those of one monotonic clock, in seconds. A step begins when the step before
    it should have ended, even if `end_due` is called later."""

    def __init__(self, rows: tuple[Row, ...], now: float, speed: float) -> None:
        self._speed = speed
        self._rows = [list(row) for row in rows]
        self._ends = [now + row[0].seconds / speed for row in rows]

    @property
    def has_ended(self) -> bool:
        return not self._rows

    @property
    def running(self) -> list[StepKind]:
        return [row[0].kind for row in self._rows]

    def states(self) -> frozenset[ControllerState]:
        return frozenset[ControllerState]().union(*(STATES[kind] for kind in self.running))

    def next_at(self, held: StepKind | None = None) -> float | None:
        """When the next step ends. Steps of the kind `held` do not end yet."""
        return min((end for row, end in zip(self._rows, self._ends, strict=True) if row[0].kind != held), default=None)

    def end_due(self, now: float, held: StepKind | None = None) -> tuple[StepKind, StepKind | None] | None:
        """End the step that is due first; returns it and the step that follows in its row. None if none is due."""
        next_at = self.next_at(held)
        if next_at is None or next_at > now:
            return None
        place = next(
            place for place, row in enumerate(self._rows) if self._ends[place] == next_at and row[0].kind != held
        )
        ended = self._rows[place].pop(0)
        if self._rows[place]:
            following = self._rows[place][0]
            self._ends[place] += following.seconds / self._speed
            return ended.kind, following.kind
        del self._rows[place], self._ends[place]
        return ended.kind, None
