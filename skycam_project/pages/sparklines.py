"""Small charts of the last hour, drawn on the server as SVG polylines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 100, 16
HOUR_S = 3600.0
LONGEST_STEP_S = 30.0
"""A longer time between two samples is a gap in the line: two were missed."""
Point = tuple[float, float]
"""Seconds since 1970, and the value."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`lines` are the points of polylines in a box of WIDTH by HEIGHT; `summary` is what they show, in words."""

    lines: list[str]
    summary: str


def sparkline(points: Sequence[Point], now: float, least_top: float, what: str, unit: str) -> Sparkline | None:
    """The hour before `now`. The scale begins at 0 and ends at the largest value, or at `least_top`. None with fewer
    than two points in a row."""
    recent = [(at, value) for at, value in points if now - HOUR_S <= at <= now + LONGEST_STEP_S]
    parts = [part for part in unbroken(recent) if len(part) > 1]
    if not parts:
        return None
    values = [value for _, value in recent]
    top = max(*values, least_top)
    lines = [" ".join(place(at, value, now, top) for at, value in part) for part in parts]
    return Sparkline(lines, f"{what} in the last hour: {min(values):.0f} to {max(values):.0f} {unit}")


def place(at: float, value: float, now: float, top: float) -> str:
    x = WIDTH * min(1.0, 1 - (now - at) / HOUR_S)
    # Half a line's width stays free above and below.
    y = HEIGHT - 0.75 - (HEIGHT - 1.5) * value / top
    return f"{x:.1f},{y:.1f}"


def unbroken(points: Iterable[Point]) -> list[list[Point]]:
    """The points, cut where samples are missing."""
    parts: list[list[Point]] = []
    for point in points:
        if parts and point[0] - parts[-1][-1][0] <= LONGEST_STEP_S:
            parts[-1].append(point)
        else:
            parts.append([point])
    return parts
