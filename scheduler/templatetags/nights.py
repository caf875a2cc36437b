"""Template filters for reports of nights."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.templatetags.skycam import NOTHING, icon
from scheduler.planning.clocks import SiteClock
from scheduler.reports.drawing import class_of
from scheduler.reports.report import minutes_text, reason_text

register = template.Library()
register.filter("why", reason_text)
register.filter(class_of)
GLYPHS = {
    "complete": "ok",
    "incomplete": "bad",
    "running": "wait",
    "future": "wait",
    "nothing": "off",
    "unknown": "off",
}
KINDS = {
    "gap": "missed",
    "failed": "failed",
    "skipped": "skipped",
    "unaccounted": "not accounted for",
    "not_begun": "run not begun",
    "cut_short": "ended early",
}


@register.filter
def by_clock(at: datetime | None, clock: SiteClock) -> SafeString | str:
    """The time as the clocks of the site show it."""
    if at is None:
        return NOTHING
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), clock.whole(at), clock.time(at))


@register.filter
def whole_by(at: datetime, clock: SiteClock) -> str:
    """With date and zone."""
    return clock.whole(at)


@register.filter
def night_glyph(state: str) -> str:
    return GLYPHS[state]


@register.filter
def night_word(state: str) -> str:
    return "no report yet" if state == "unknown" else state


@register.filter
def kind_of_loss(kind: str) -> str:
    return KINDS[kind]


@register.filter
def row_of_loss(kind: str) -> str:
    """The CSS class: a failure is worse than a gap, which has a known reason."""
    return "is-bad" if kind in ("failed", "unaccounted", "not_begun") else "is-warn"


@register.filter
def minutes(value: float | timedelta | None) -> str:
    if value is None:
        return NOTHING
    return minutes_text(value.total_seconds() if isinstance(value, timedelta) else value)


@register.filter
def percent(value: float | None) -> str:
    """`100 %`, `99.9 %`."""
    return NOTHING if value is None else f"{value:g} %"


@register.filter
def picture_of(pictures: dict[UUID, str], capture: UUID) -> str:
    return pictures.get(capture, "")


@register.simple_tag(takes_context=True)
def night_icon(context: Any, name: str) -> SafeString:
    """As `icon`; in a file of a report from the symbols inside it."""
    if not context.get("is_file"):
        return icon(name)
    return format_html('<svg class="i" aria-hidden="true"><use href="#{}"/></svg>', name)
