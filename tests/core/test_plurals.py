"""Singular and plural."""

from __future__ import annotations

import pytest

from core.text.sentences import pluralize, was_or_were


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 clips were"), (1, "1 clip was"), (2, "2 clips were"), (3600, "3,600 clips were")]
)
def test_nouns_are_pluralized(number: int, words: str) -> None:
    assert f"{pluralize(number, 'clip')} {was_or_were(number)}" == words
