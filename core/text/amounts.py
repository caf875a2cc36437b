"""Numbers, bytes and ids as people read them: singular and plural, decimal sizes, and an id by its beginning, like a
commit."""

from __future__ import annotations


def pluralize(number: float, thing: str, things: str = "") -> str:
    """`1 capture`, `3,600 captures`; `things` is a plural without that s."""
    return f"1 {thing}" if number == 1 else f"{number:,.0f} {things or f'{thing}s'}"


def was_or_were(number: float) -> str:
    return "was" if number == 1 else "were"


UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def format_size(size: float) -> str:
    """1.46 TB, 212 GB: decimal."""
    for unit, name in UNITS:
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} B"


SHORT = 13
"""The number of characters of an id that encode its creation time to the millisecond."""


def short_id(text: str) -> str:
    return text[:SHORT]
