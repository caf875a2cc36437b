"""Template tags and filters for all apps: icons, times, amounts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from core.text.sentences import Sentence, format_size
from core.times.durations import format_exposure, format_rounded_exposure

register = template.Library()
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
QUOTED = re.compile(r"`([^`]+)`")


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """A decorative icon of the sprite, hidden from screen readers: the text beside it says the same."""
    return format_html('<svg class="i" aria-hidden="true"><use href="{}#{}"/></svg>', static("img/icons.svg"), name)


@register.simple_tag
def chip(state_display: Any) -> SafeString:
    """The glyph and label of a state, in its tone. As a tag, because lists of all cameras have hundreds."""
    glyph = icon(state_display.glyph)
    return format_html('<span class="st {}">{}{}</span>', state_display.tone, glyph, state_display.label)


@register.simple_tag
@lru_cache(maxsize=4096)
def camera_url(slug: str) -> str:
    """The address of a camera's page, for the lists that every page has: `url` takes ten times as long."""
    return reverse("camera", args=[slug])


@register.filter
def with_labels(cells: Iterable[str], headers: Iterable[dict[str, Any]]) -> list[SafeString]:
    """The cells of a row in the admin, each with the name of its column, which a phone shows beside it."""
    beginning = '<td class="field-'
    return [
        format_html(
            '<td data-label="{}" class="field-{}',
            capfirst(header["text"]),
            mark_safe(cell[len(beginning) :]),  # noqa: S308 - HTML of Django
        )
        if cell.startswith(beginning)
        else mark_safe(cell)  # noqa: S308 - HTML of Django
        for cell, header in zip(cells, headers, strict=True)
    ]


@register.filter
def moment(value: str | datetime | None) -> datetime | None:
    """A time from JSON or from a database row."""
    return parse_datetime(value) if isinstance(value, str) else value


@register.filter
def clock(value: str | datetime | None) -> SafeString | str:
    """21:04:11, and 2026-11-20 21:04:11 on any day but today, in the time that the reader has chosen."""
    at = moment(value)
    if at is None:
        return NOTHING
    text, whole = clock_text(at), whole_clock(at)
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), whole, text)


def clock_text(at: datetime) -> str:
    """The time as `clock` shows it, for sentences."""
    local, today = local_or_own(at), timezone.localtime().date()
    return f"{local:%H:%M:%S}" if local.date() == today else datetime_text(at)


@register.filter
def whole_clock(at: datetime) -> str:
    """2026-11-22 06:30:00 CET, in the time that the reader has chosen."""
    return f"{datetime_text(at)} {zone_name(at)}"


@register.filter
def datetime_text(value: str | datetime | None) -> str:
    """2026-11-21 02:07:10, in the time that the reader has chosen; a text, as typed into a form, stays as it is."""
    return value or "" if not isinstance(value, datetime) else f"{local_or_own(value):%Y-%m-%d %H:%M:%S}"


@register.filter
def date_text(value: date | datetime | None) -> str:
    """2026-11-21."""
    local = local_or_own(value) if isinstance(value, datetime) else value
    return NOTHING if local is None else f"{local:%Y-%m-%d}"


@register.simple_tag
def datetime_pattern() -> str:
    """What a date and time field of a form accepts; the server reads the same (`core.times.time_parsing`)."""
    # Browsers compile `pattern` with the flag `v`, which requires the escaped hyphen in a character class.
    return r"\s*\d{4}-\d{1,2}-\d{1,2}((\s+|T)\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|UTC|[+\-]\d{2}:?\d{2})?)?\s*"


@register.simple_tag
def zone_name(value: datetime | None = None) -> str:
    """The time zone of the page, at that moment or now: CET, UTC, +0545."""
    return f"{local_or_own(value or timezone.now()):%Z}"


def local_or_own(at: datetime) -> datetime:
    """In the reader's time zone; in the value's own if the calendar ends before that."""
    try:
        return timezone.localtime(at)
    except OverflowError:
        return at


@register.filter
def age(value: str | datetime | None) -> SafeString | str:
    """How long ago. A script keeps it up to date."""
    at = moment(value)
    if at is None:
        return NOTHING
    # The clock of another host may be ahead.
    passed = max(0.0, (timezone.now() - at).total_seconds())
    return format_html('<time datetime="{0}" data-age="{0}">{1}</time>', at.isoformat(), duration(passed))


@register.filter
def duration(seconds: float | timedelta | None) -> str:
    """0.4 s, 12 s, 3 min, 2 h 5 min, 6 d 4 h."""
    if seconds is None:
        return NOTHING
    s = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    if s < MINUTE_S:
        return f"{s:.0f} s"
    if s < HOUR_S:
        return f"{s // MINUTE_S:.0f} min"
    if s < DAY_S:
        return f"{s // HOUR_S:.0f} h {s % HOUR_S // MINUTE_S:.0f} min"
    return f"{s // DAY_S:.0f} d {s % DAY_S // HOUR_S:.0f} h"


@register.filter
def exact_duration(seconds: float | timedelta) -> str:
    """12 s, 7 min 53 s, 2 h 5 min 0 s: for accounts, in which no second may disappear. Whole seconds, rounded down."""
    s = int(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    minutes, hours = s // MINUTE_S, s // HOUR_S
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes % 60} min"] if minutes else []
    return " ".join([*parts, f"{s % MINUTE_S} s"])


@register.filter
def exposure(microseconds: float | None) -> str:
    """8 s, 12.5 ms, 36.1 ms, with three figures."""
    return NOTHING if microseconds is None else format_rounded_exposure(microseconds)


@register.filter
def exact_exposure(microseconds: float | None) -> str:
    """36.084 ms."""
    return NOTHING if microseconds is None else format_exposure(microseconds)


@register.filter
def format_bytes(size: float | None) -> str:
    """1.46 TB, 212 GB: decimal."""
    return NOTHING if size is None else format_size(size)


@register.filter
def kbit(rate: float | None) -> str:
    """From kbit/s: 640 kbit/s, 3.4 Mbit/s."""
    if rate is None:
        return NOTHING
    return f"{rate / 1000:.3g} Mbit/s" if rate >= 1000 else f"{rate:.0f} kbit/s"


@register.filter
def celsius(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} °C".replace("-", MINUS)


@register.filter
def get(mapping: Any, name: str) -> Any:
    return mapping.get(name)


@register.filter
def unlocalised(value: float) -> str:
    """A number for an HTML attribute, in any locale."""
    return f"{value:.4f}"


@register.simple_tag(takes_context=True)
def named(context: Any, sentence: str) -> SafeString:
    """A sentence with the names of the cameras that the reader may see. Others keep their slug, and so do all in a text
    without mentions and in a file that has no reader yet."""
    if not isinstance(sentence, Sentence) or "shell" not in context:
        return with_code(sentence)
    return _code(
        "".join(
            # A back-quote of a name begins no code.
            conditional_escape(part).replace("`", "&#96;") if is_name else conditional_escape(part)
            for part, is_name in sentence.parts(context["shell"].names)
        )
    )


@register.simple_tag(takes_context=True)
def named_text(context: Any, sentence: Sentence) -> str:
    """The same as plain text, for `as`: to be cut or put into an attribute."""
    return sentence.with_names(context["shell"].names)


@register.simple_tag(takes_context=True)
def camera_name(context: Any, slug: str, camera: str = "") -> str:
    """The camera's name; its slug when it is removed or the reader may not see it. `camera` is its id, of rows that
    have it: another camera may have the slug by now."""
    shell = context["shell"]
    return str(shell.names.get(camera, slug) if camera else shell.names_of_slugs.get(slug, slug))


@register.filter
def with_code(sentence: str) -> SafeString:
    """A sentence of the log or of an error, with text in back-quotes as code."""
    return _code(conditional_escape(sentence))


def _code(escaped: str) -> SafeString:
    # Escaped before the tags are added: sentences contain names that users chose and texts of cameras.
    return mark_safe(QUOTED.sub(r"<code>\1</code>", escaped))  # noqa: S308 - HTML of this module
