"""Display names of cameras in sentences. Stored sentences contain the slug, since a name may change."""

from __future__ import annotations

import re
from collections.abc import Mapping

TYPED = re.compile(r"(`[^`]*`)")
"""Text in back-quotes is to be typed and keeps its slugs."""


def with_names(sentence: str, names: Mapping[str, str]) -> str:
    """The sentence with names in place of slugs: at a camera's first mention, and wherever it begins a sentence.

    `names` is slug -> name."""
    for slug, name in names.items():
        sentence = _named(sentence, slug, name)
    return sentence


def _named(sentence: str, slug: str, name: str) -> str:
    """Leaves slugs alone that are part of another word, a path or a file name."""
    # Stored sentences quote some slugs, so a name replaces the quotation marks, too.
    mention = re.compile(rf"(?<![\w/.@-])'?{re.escape(slug)}'?(?![\w/@-]|\.\w)")
    subject = re.compile(rf"(?<=[.:] ){re.escape(slug)}(?= )")
    parts = TYPED.split(sentence)
    for place in range(0, len(parts), 2):
        # A function and not the name itself, in which `\1` or `\g` would refer to a group.
        parts[place], found = mention.subn(lambda _: name, parts[place], count=1)
        if found:
            break
    parts[::2] = [subject.sub(lambda _: name, part) for part in parts[::2]]
    return "".join(parts)
