"""Results and their tables."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable

HEADS = ("What", "Measured", "Limit", "Note")
WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    measured: str
    limit: str = ""
    note: str = ""


@dataclass(slots=True)
class Table:
    title: str
    rows: list[Row] = field(default_factory=list)

    def add(self, what: str, measured: str, limit: str = "", note: str = "") -> None:
        self.rows.append(Row(what, measured, limit, note))

    def show(self, console: Console) -> None:
        shown = RichTable(*HEADS, title=self.title, title_justify="left")
        for row in self.rows:
            shown.add_row(row.what, row.measured, row.limit, row.note)
        console.print(shown)

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", _line(HEADS), "|---|---|---|---|"]
        return "\n".join([*lines, *(_line((row.what, row.measured, row.limit, row.note)) for row in self.rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, slots=True)
class Times:
    """Durations of repeated calls, in milliseconds."""

    ms: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.ms)

    @property
    def p99(self) -> float:
        return sorted(self.ms)[min(len(self.ms) - 1, round(0.99 * (len(self.ms) - 1)))]

    @property
    def per_second(self) -> float:
        return 1000 * len(self.ms) / sum(self.ms)

    def __str__(self) -> str:
        return f"{self.median:.2f} ms, p99 {self.p99:.2f}"


def timed(call: Callable[[], object], times: int, warm_up: int = WARM_UP, pause_s: float = 0.0) -> Times:
    """Times of sequential calls in this thread, after a warm-up, with a pause before each."""
    for _ in range(warm_up):
        call()
    return Times(tuple(_once(call, pause_s) for _ in range(times)))


def _once(call: Callable[[], object], pause_s: float) -> float:
    if pause_s:
        time.sleep(pause_s)
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
