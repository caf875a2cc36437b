"""The FITS words that the controller writes into the header of an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import NamedTuple

MAX_FITS_WORDS = 100
MAX_TEXT_BYTES = 255
"""Of a keyword, and of a value: the C arrays have one more, for the NUL."""
BLANK_VALUE = "UNKNOWN"

INITIAL_WORDS = (
    ("filterna", BLANK_VALUE),
    ("filterid", "0"),
    ("lst", "0.0"),
    ("ha", "0.0"),
    ("imagetyp", BLANK_VALUE),
    ("darkfile", BLANK_VALUE),
    ("flatfile", BLANK_VALUE),
    ("sequence", BLANK_VALUE),
    ("tele-ra", "0.0"),
    ("tele-dec", "0.0"),
    ("focus", "0.0"),
    ("comment", BLANK_VALUE),
)
OBSERVATORY_PLACE = 2
"""Of the word `observat`, in the versions of the scheduler that have it."""


class FitsWord(NamedTuple):
    keyword: str
    value: str


class FitsHeader:
    """At most MAX_FITS_WORDS words in a fixed order. A keyword that occurs twice is read and updated where it is first.

    Keywords match exactly: upper and lower case differ, and a part of a keyword is another keyword. (The C code takes
    the first keyword that begins like the one that it looks for.)
    """

    def __init__(self, words: Iterable[FitsWord | tuple[str, str]] = ()) -> None:
        """ValueError and TypeError for a word that `update` refuses."""
        self._words: list[FitsWord] = []
        for keyword, value in words:
            self._append(_check_word(keyword, value))

    @classmethod
    def initial(cls, observat: str | None = None) -> FitsHeader:
        """The words of a scheduler that starts: 12, or 13 with the name of the observatory."""
        words = list(INITIAL_WORDS)
        if observat is not None:
            words.insert(OBSERVATORY_PLACE, ("observat", observat))
        return cls(words)

    @property
    def words(self) -> tuple[FitsWord, ...]:
        return tuple(self._words)

    def __iter__(self) -> Iterator[FitsWord]:
        return iter(self.words)

    def __len__(self) -> int:
        return len(self._words)

    def __repr__(self) -> str:
        return f"FitsHeader(words={self._words!r})"

    def get(self, keyword: str) -> str | None:
        """None when the header does not have this keyword."""
        return next((word.value for word in self._words if word.keyword == keyword), None)

    def update(self, keyword: str, value: str) -> None:
        """Replace the value of a keyword, or append the word. A blank value becomes UNKNOWN.

        ValueError for a keyword that is empty or has blanks, for characters that are not printable ASCII, for more than
        MAX_TEXT_BYTES of them, and for a word too many. TypeError for what is no str.
        """
        new = _check_word(keyword, value)
        for place, word in enumerate(self._words):
            if word.keyword == keyword:
                self._words[place] = new
                return
        self._append(new)

    update_fits_header = update
    """Its name in the C code."""

    def _append(self, word: FitsWord) -> None:
        if len(self._words) >= MAX_FITS_WORDS:
            raise ValueError(
                f"The FITS word {word.keyword!r} does not fit: the header has {MAX_FITS_WORDS} words already."
            )
        self._words.append(word)


def format_number(value: float) -> str:
    """A number as the C code sends it, with four decimals; UNKNOWN for one that is not finite."""
    return f"{value:8.4f}".strip() if isfinite(value) else BLANK_VALUE


def _check_word(keyword: object, value: object) -> FitsWord:
    if not isinstance(keyword, str) or not isinstance(value, str):
        raise TypeError(f"The FITS word {keyword!r} with the value {value!r} is not two texts; see format_number.")
    if not keyword or not _is_printable(keyword) or " " in keyword:
        raise ValueError(f"The FITS keyword {keyword[:80]!r} is not one word of printable ASCII.")
    if not _is_printable(value):
        raise ValueError(f"The value of the FITS word {keyword[:80]!r} is not printable ASCII: {value[:80]!r}.")
    for what, text in (("keyword", keyword), ("value", value)):
        if len(text) > MAX_TEXT_BYTES:
            raise ValueError(
                f"The {what} of the FITS word {keyword[:80]!r} has {len(text)} bytes; allowed are {MAX_TEXT_BYTES}."
            )
    return FitsWord(keyword, value if value.strip() else BLANK_VALUE)


def _is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable()
