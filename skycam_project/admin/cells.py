"""What cells of the admin's lists and details show."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.templatetags.skycam import clock, datetime_text, duration, format_bytes

NOTHING = "\N{EN DASH}"
YES, NO = "yes", NOTHING


def link(address: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', address, text)


def admin_link(row: Any, text: object = "") -> SafeString | str:
    """To the detail of a row in the admin; a dash without one."""
    if row is None:
        return NOTHING
    return link(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]), text or row)


def picture(address: str, alt: str) -> SafeString:
    """A thumbnail that a browser loads when it comes into view. With its size, so that the list does not move."""
    return format_html(
        '<span class="th thumb"><img src="{}" alt="{}" width="96" height="72" loading="lazy" decoding="async"></span>',
        address, alt,
    )  # fmt: skip


def show_time(at: datetime | None) -> SafeString | str:
    return clock(at) if at else NOTHING


def show_size(size: int | None) -> str:
    return format_bytes(size) if size is not None else NOTHING


def show_length(length: timedelta) -> str:
    return duration(length)


def show_flag(flag: bool) -> str:
    return YES if flag else NO


def show_value(value: Any) -> SafeString | str:
    """A value of a column, in the detail of a row."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return show_flag(value)
    if isinstance(value, datetime):
        return datetime_text(value)
    if isinstance(value, (dict, list)):
        return format_html("<pre>{}</pre>", json.dumps(value, indent=1, default=str)) if value else NOTHING
    return value if isinstance(value, SafeString) else str(value)
