"""Options of a capture: what a driver declares, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.options import MOST_CHARACTERS, Option, option_errors, parse_options

DECLARED = {
    "mode": Option("choices", "Mode", choices=["single", "first", "next", "last"]),
    "shutter": Option("boolean", "Shutter", default=True),
    "header": Option("words", "Header words"),
    "comment": Option("text", "Comment"),
    "filter": Option("text", "Filter", longest=8),
    "focus": Option("number", "Focus", minimum=-10, maximum=10),
    "sequence": Option("number", "Sequence", minimum=1, maximum=99, is_whole=True),
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "next", "shutter": False},
        {"focus": -9.5, "sequence": 99},
        {"focus": 3, "filter": "rg610"},
        {"header": {"filterna": "rg610", "tele-ra": " 12.3"}, "comment": ""},
    ],
    ids=str,
)
def test_options_that_the_camera_declares_are_taken(options: dict[str, Any]) -> None:
    assert option_errors(DECLARED, options) == {}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "shuter",
            True,
            f"There is no such option. Did you mean shutter? This camera has: {', '.join(DECLARED)}.",
        ),
        ("mode", "double", "Choose single, first, next or last."),
        ("mode", True, "Choose single, first, next or last."),
        ("shutter", "no", "Give true or false."),
        ("shutter", 0, "Give true or false."),
        ("focus", 10.5, "Give a number from -10 to 10."),
        ("focus", float("nan"), "Give a number from -10 to 10."),
        ("focus", True, "Give a number from -10 to 10."),
        ("sequence", 1.5, "Give a whole number from 1 to 99."),
        ("sequence", 100, "Give a whole number from 1 to 99."),
        ("filter", "x" * 9, "Give one line of at most 8 characters."),
        ("comment", "two\nlines", "Give one line of at most 500 characters."),
        ("comment", "x" * 501, "Give one line of at most 500 characters."),
        ("header", "filterna", "Give at most 100 words with a text each, such as name: value."),
        (
            "header",
            {f"w{number}": "" for number in range(101)},
            "Give at most 100 words with a text each, such as name: value.",
        ),
        (
            "header",
            {"two words": "x"},
            "'two words' is no word: at most 64 letters, digits, - and _, with a letter first.",
        ),
        ("header", {"lst": 12}, "lst has to be one line of at most 256 characters."),
        ("header", {"lst": "x" * 257}, "lst has to be one line of at most 256 characters."),
    ],
)
def test_another_option_or_value_is_refused_with_a_sentence(name: str, value: Any, sentence: str) -> None:
    assert option_errors(DECLARED, {"mode": "single", name: value}) == {name: sentence}


def test_a_camera_without_options_refuses_each() -> None:
    assert option_errors({}, {"shutter": True}) == {"shutter": "This camera takes no options."}


def test_options_that_are_too_long_together_are_refused() -> None:
    words = {f"w{number}": "x" * 200 for number in range(MOST_CHARACTERS // 200)}
    errors = option_errors(DECLARED, {"header": words})
    assert errors == {"": f"The options have more than {MOST_CHARACTERS} characters together. Shorten them."}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(options=json_values | st.dictionaries(st.sampled_from([*DECLARED, "other"]), json_values))
def test_whatever_is_given_each_error_is_a_sentence(options: Any) -> None:
    assert all(sentence.endswith((".", "first.")) for sentence in option_errors(DECLARED, options).values())


def test_texts_become_options_by_their_type() -> None:
    pairs = [("mode", "next"), ("shutter", "no"), ("header.lst", "12"), ("header.ha", "true"), ("comment", "true")]
    assert parse_options(DECLARED, [*pairs, ("focus", "-2.5"), ("sequence", "7"), ("filter", "7")]) == {
        "mode": "next", "shutter": False, "header": {"lst": "12", "ha": "true"}, "comment": "true",
        "focus": -2.5, "sequence": 7, "filter": "7",
    }  # fmt: skip


def test_a_text_that_is_no_value_of_its_option_is_refused_by_its_name() -> None:
    parsed = parse_options(DECLARED, [("shutter", "perhaps"), ("shutter.x", "1"), ("other", "1"), ("focus", "in")])
    assert option_errors(DECLARED, parsed).keys() == {"shutter", "shutter.x", "other", "focus"}
