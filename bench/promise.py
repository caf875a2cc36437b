"""A time that the documents promise, and how it is measured on a running station."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Table
from tests.harness.stations.station import Station


@dataclass(frozen=True)
class Promise:
    what: str
    limit_s: float
    measure: Callable[[Station], float]
    """Returns seconds, and leaves the station as it was."""
    times: int = 1
    is_wait: bool = False
    """The station waits for `limit_s` on purpose, so that it always takes a little longer."""


def add_figure(
    found: Table, what: str, worst_s: float, limit_s: float, times: int = 1, *, is_wait: bool = False
) -> None:
    """A row with the worst of some measurements, beside its limit and as a share of it."""
    limit = f"after {limit_s:g} s" if is_wait else f"{limit_s:g} s"
    of = f", worst of {times}" if times > 1 else ""
    found.add(what, f"{worst_s:.2f} s", limit, f"{worst_s / limit_s:.0%} of the limit{of}")
