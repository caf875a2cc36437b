"""Singular and plural in sentences."""

from __future__ import annotations


def pluralize(number: float, thing: str) -> str:
    """`1 capture`, `3,600 captures`."""
    return f"1 {thing}" if number == 1 else f"{number:,.0f} {thing}s"


def was_or_were(number: float) -> str:
    return "was" if number == 1 else "were"
