"""Singular and plural in sentences."""

from __future__ import annotations


def pluralize(number: float, thing: str, things: str = "") -> str:
    """`1 capture`, `3,600 captures`; `things` is a plural without that s."""
    return f"1 {thing}" if number == 1 else f"{number:,.0f} {things or f'{thing}s'}"


def was_or_were(number: float) -> str:
    return "was" if number == 1 else "were"
