"""The documents for people, and their contents: those beside README.md, and docs/. All are read once in a run."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from tests.harness.project import PROJECT

PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
CODE = re.compile(r"`([^`\n]+)`")


def name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@functools.cache
def page(path: str) -> str:
    return (PROJECT / path).read_text()


@functools.cache
def without_blocks(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def blocks(path: str, language: str) -> list[str]:
    """The fenced blocks of a page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page(path), re.DOTALL | re.MULTILINE)


def section(path: str, heading: str) -> str:
    """The text under a heading, up to the next heading of any level."""
    parts = re.split(r"^#+ (.+)$", without_blocks(page(path)), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def first_cells(text: str) -> list[str]:
    """The code in the first cell of each row of a table."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)
