"""Small charts of the last hour, drawn on the server as SVG polylines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from cameras.status.process_usage import HOUR_S, LONGEST_STEP_S, Range

WIDTH, HEIGHT = 100, 16


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`lines` are the points of polylines in a box of WIDTH by HEIGHT; `summary` is what they show, in words."""

    lines: list[str]
    summary: str

    @property
    def svg(self) -> SafeString:
        # Not a template: a page has two charts of each camera, and the templates took longer than the drawing.
        lines = "".join(f'<polyline points="{points}" />' for points in self.lines)
        return format_html(
            '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{summary}">'
            "<title>{summary}</title>{}</svg>",
            WIDTH, HEIGHT, mark_safe(lines), summary=self.summary,  # noqa: S308 - numbers
        )  # fmt: skip


def sparkline(ranges: Sequence[Range], now: float, least_top: float, what: str, unit: str) -> Sparkline | None:
    """The hour before `now`: the most of each minute. The scale begins at 0 and ends at the largest value, or at
    `least_top`. None with fewer than two samples in a row."""
    recent = [one for one in ranges if now - HOUR_S <= one.at <= now + LONGEST_STEP_S]
    parts = [part for part in unbroken(recent) if part[0].began < part[-1].at]
    if not parts:
        return None
    lowest, highest = min(one.least for one in recent), max(one.most for one in recent)
    top = max(highest, least_top)
    lines = [line(part, now, top) for part in parts]
    return Sparkline(lines, f"{what} in the last hour: {lowest:.0f} to {highest:.0f} {unit}")


def line(part: Sequence[Range], now: float, top: float) -> str:
    first = part[0]
    beginning = [place(first.began, first.most, now, top)] if first.began < first.at else []
    return " ".join([*beginning, *(place(one.at, one.most, now, top) for one in part)])


def place(at: float, value: float, now: float, top: float) -> str:
    x = WIDTH * min(1.0, 1 - (now - at) / HOUR_S)
    # Half a line's width stays free above and below.
    y = HEIGHT - 0.75 - (HEIGHT - 1.5) * value / top
    return f"{x:.1f},{y:.1f}"


def unbroken(ranges: Iterable[Range]) -> list[list[Range]]:
    """The ranges, cut where samples are missing."""
    parts: list[list[Range]] = []
    for one in ranges:
        if parts and one.began - parts[-1][-1].at <= LONGEST_STEP_S:
            parts[-1].append(one)
        else:
            parts.append([one])
    return parts
