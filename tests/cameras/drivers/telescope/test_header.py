"""The FITS words of the telescope's images."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.driver.header import FitsHeader, FitsWord, format_number

keywords = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=255)


def test_a_scheduler_starts_with_twelve_words() -> None:
    assert list(FitsHeader.initial()) == [
        ("filterna", "UNKNOWN"),
        ("filterid", "0"),
        ("lst", "0.0"),
        ("ha", "0.0"),
        ("imagetyp", "UNKNOWN"),
        ("darkfile", "UNKNOWN"),
        ("flatfile", "UNKNOWN"),
        ("sequence", "UNKNOWN"),
        ("tele-ra", "0.0"),
        ("tele-dec", "0.0"),
        ("focus", "0.0"),
        ("comment", "UNKNOWN"),
    ]


def test_the_observatory_is_the_third_of_thirteen_words() -> None:
    header = FitsHeader.initial("La Silla")
    assert len(header) == 13
    assert header.words[2] == FitsWord("observat", "La Silla")
    assert [word for word in header if word.keyword != "observat"] == list(FitsHeader.initial())


def test_a_header_is_made_of_words_and_of_pairs() -> None:
    header = FitsHeader(words=[FitsWord("lst", "4.5"), ("ha", "-1.25")])
    assert [(word.keyword, word.value) for word in header] == [("lst", "4.5"), ("ha", "-1.25")]
    assert repr(FitsHeader([("lst", "4.5")])) == "FitsHeader(words=[FitsWord(keyword='lst', value='4.5')])"


def test_an_update_replaces_a_value_in_its_place() -> None:
    header = FitsHeader([("lst", "0.0"), ("ha", "0.0")])
    header.update("lst", "4.5")
    assert list(header) == [("lst", "4.5"), ("ha", "0.0")]
    assert header.get("lst") == "4.5"


def test_an_update_of_a_new_keyword_appends_it() -> None:
    header = FitsHeader([("lst", "0.0")])
    header.update_fits_header("airmass", "1.5")
    assert list(header) == [("lst", "0.0"), ("airmass", "1.5")]


@pytest.mark.parametrize("other", ["LST", "ls", "lst1"])
def test_keywords_match_exactly(other: str) -> None:
    header = FitsHeader([("lst", "0.0")])
    assert header.get(other) is None
    header.update(other, "4.5")
    assert list(header) == [("lst", "0.0"), (other, "4.5")]


def test_of_a_keyword_that_occurs_twice_the_first_is_read_and_updated() -> None:
    header = FitsHeader([("comment", "a"), ("comment", "b")])
    assert header.get("comment") == "a"
    header.update("comment", "c")
    assert list(header) == [("comment", "c"), ("comment", "b")]


@pytest.mark.parametrize("blank", ["", " ", "   "])
def test_a_blank_value_is_unknown(blank: str) -> None:
    header = FitsHeader([("lst", blank)])
    header.update("focus", blank)
    assert list(header) == [("lst", "UNKNOWN"), ("focus", "UNKNOWN")]


@pytest.mark.parametrize(
    ("keyword", "value", "sentence"),
    [
        ("", "1", "The FITS keyword '' is not one word of printable ASCII."),
        ("tele ra", "1", "The FITS keyword 'tele ra' is not one word of printable ASCII."),
        ("lst\n", "1", r"The FITS keyword 'lst\n' is not one word of printable ASCII."),
        ("höhe", "1", "The FITS keyword 'höhe' is not one word of printable ASCII."),
        ("lst", "1\0", r"The value of the FITS word 'lst' is not printable ASCII: '1\x00'."),
        ("lst", "1\n2", r"The value of the FITS word 'lst' is not printable ASCII: '1\n2'."),
        ("comment", "é", "The value of the FITS word 'comment' is not printable ASCII: 'é'."),
        ("a" * 256, "1", f"The keyword of the FITS word {'a' * 80!r} has 256 bytes; allowed are 255."),
        ("lst", "1" * 256, "The value of the FITS word 'lst' has 256 bytes; allowed are 255."),
    ],
)
def test_a_word_that_the_controller_cannot_have_is_refused(keyword: str, value: str, sentence: str) -> None:
    header = FitsHeader([("lst", "0.0")])
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        header.update(keyword, value)
    assert list(header) == [("lst", "0.0")]
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        FitsHeader([(keyword, value)])


def test_the_longest_keyword_and_value_have_255_bytes() -> None:
    header = FitsHeader([("k" * 255, "v" * 255)])
    assert header.get("k" * 255) == "v" * 255


def test_a_number_is_no_value() -> None:
    number: Any = 3
    with pytest.raises(TypeError, match="'sequence' with the value 3 is not two texts; see format_number"):
        FitsHeader().update("sequence", number)


def test_a_header_has_at_most_a_hundred_words() -> None:
    header = FitsHeader([(f"key{number}", "1") for number in range(100)])
    with pytest.raises(ValueError, match="'key100' does not fit: the header has 100 words already"):
        header.update("key100", "1")
    header.update("key99", "2")
    assert (len(header), header.get("key99")) == (100, "2")


@given(st.lists(st.tuples(keywords, values), max_size=100))
def test_a_header_holds_any_words_of_printable_ascii(words: list[tuple[str, str]]) -> None:
    assert list(FitsHeader(words)) == [(keyword, value if value.strip() else "UNKNOWN") for keyword, value in words]


@given(st.text().filter(lambda text: not (text.isascii() and text.isprintable())))
def test_any_other_text_is_refused_with_a_sentence(text: str) -> None:
    header = FitsHeader()
    with pytest.raises(ValueError, match=r"is not one word of printable ASCII\.$"):
        header.update(text, "1")
    with pytest.raises(ValueError, match=r"is not printable ASCII: .*\.$"):
        header.update("comment", text)
    assert len(header) == 0


@pytest.mark.parametrize(
    ("number", "text"),
    [(4.5, "4.5000"), (-29.25, "-29.2500"), (0.00004, "0.0000"), (12345.67891, "12345.6789"), (25, "25.0000")],
)
def test_numbers_have_four_decimals(number: float, text: str) -> None:
    assert format_number(number) == text


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_unknown(number: float) -> None:
    assert format_number(number) == "UNKNOWN"
