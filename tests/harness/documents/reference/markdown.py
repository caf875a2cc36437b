"""Texts of the code as Markdown, and the parts of a document that are made."""

from __future__ import annotations

import re

SPECIAL = re.compile(r"(`[^`]*`)|([*<>])")
"""Code, and characters that Markdown does not print."""


def escaped(text: str) -> str:
    return SPECIAL.sub(lambda found: found[1] or f"\\{found[2]}", text)


def with_part(document: str, name: str, part: str) -> str:
    """The document with this part. ValueError if it does not have its two comments once."""
    begin, end = f"<!-- made by: make docs ({name}) -->\n", "\n<!-- end -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed or begin in after:
        raise ValueError(f"There is no part {name}, or more than one.")
    return f"{before}{begin}\n{part}\n{end}{after}"
