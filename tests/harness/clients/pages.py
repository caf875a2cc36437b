"""The text of a page, and the template files."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from tests.harness.project import PROJECT

WHITE_SPACE = re.compile(r"\s+")


BLOCKS = re.compile(r" ?(</?(?:button|dd|div|dl|dt|h[1-6]|li|ol|option|p|section|select|t[dhr]|ul)\b[^>]*>) ?")


MARKUP = "<script>alert(1)</script>"


def text_of(answer: Any) -> str:
    """The page without invisible white space: each run is one space, and beside the tags of blocks there is none."""
    return BLOCKS.sub(r"\1", WHITE_SPACE.sub(" ", answer.content.decode()).replace(" >", ">"))


def tag_of(page: str, ident: str) -> str:
    """The start tag with this id."""
    found = re.search(rf'<[^>]*\bid="{re.escape(ident)}"[^>]*>', page)
    assert found, f"no tag has the id {ident}"
    return found[0]


def described(page: str, ident: str) -> str:
    """The text that describes the field with this id to screen readers."""
    by = re.search(r'aria-describedby="([^"]+)"', tag_of(page, ident))
    assert by, f"nothing describes the field {ident}"
    _, _, after = page.partition(tag_of(page, by[1]))
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", after.partition("</p>")[0])).split())


def templates() -> list[Path]:
    return sorted((PROJECT / "templates").rglob("*.html"))
