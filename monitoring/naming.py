"""Cameras in sentences as people call them. Stored sentences have the camera's id: it stays, and a name does not."""

from __future__ import annotations

import re
from collections.abc import Mapping

TYPED = re.compile(r"(`[^`]*`)")
"""What stands in back-quotes is to be typed, and keeps its ids."""


def with_names(sentence: str, names: Mapping[str, str]) -> str:
    """The first mention of each camera by its name, and each one that begins a sentence; `names` is id -> name."""
    for slug, name in names.items():
        sentence = _named(sentence, slug, name)
    return sentence


def _named(sentence: str, slug: str, name: str) -> str:
    """Not within another word, a path or a file's name."""
    mention = re.compile(rf"(?<![\w/.@-])'?{re.escape(slug)}'?(?![\w/@-]|\.\w)")
    subject = re.compile(rf"(?<=[.:] ){re.escape(slug)}(?= )")
    parts = TYPED.split(sentence)
    for place in range(0, len(parts), 2):
        parts[place], found = mention.subn(lambda _: name, parts[place], count=1)
        if found:
            break
    parts[::2] = [subject.sub(lambda _: name, part) for part in parts[::2]]
    return "".join(parts)
