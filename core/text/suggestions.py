"""Suggestions for mistyped words."""

from __future__ import annotations

from collections.abc import Iterable

LEAST_PREFIX = 3
LONG = 8
"""Words of at least this length may differ by two letters."""


def similar_words(word: str, known: Iterable[str]) -> list[str]:
    """The known words that start with `word`, else those that differ by one letter, or by two in a long word."""
    names = list(known)
    begun = [name for name in names if len(word) >= LEAST_PREFIX and name.startswith(word)]
    slips = 2 if len(word) >= LONG else 1
    return begun or [name for name in names if abs(len(name) - len(word)) <= slips and distance(word, name) <= slips]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean connect?`, or nothing."""
    found = similar_words(word, known)
    return f" Did you mean {' or '.join(found)}?" if found else ""


def distance(first: str, second: str) -> int:
    """The number of letters deleted, inserted, replaced or swapped with a neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(second, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]
