"""Filters of the pages of a telescope's field lists."""

from __future__ import annotations

from django import template

from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.sky import time_of

register = template.Library()


@register.filter
def jd_clock(jd: float) -> str:
    """The time of a Julian date in UTC, such as 03:12:09."""
    return f"{time_of(jd):%H:%M:%S}"


@register.filter
def field_name(field: ListedField) -> str:
    """The comment of its line, or what it is."""
    return field.comment.strip() or field.title
