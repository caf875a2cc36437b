"""The characters that names and notes may contain."""

from __future__ import annotations

import pytest

from core.text.names import check_line, check_note, is_reserved, readable

PLAIN = ["Dachkuppel Süd", "望遠鏡", "علم", "camera (2), no. 3", "👩‍🔬 bench", "क्‍ष"]
STEERING = ["\x1b[2J", "bell\x07", "\x9b31m", "turned \u202ecod.exe", "\u2066isolated\u2069", "mark\u200f", "a\u2028b"]


@pytest.mark.parametrize("text", PLAIN)
def test_a_name_may_be_in_any_script(text: str) -> None:
    assert check_line(text) == text
    assert check_note(text) == text


@pytest.mark.parametrize("text", STEERING)
def test_control_characters_and_direction_marks_are_refused(text: str) -> None:
    for check in (check_line, check_note):
        with pytest.raises(ValueError, match="invisible character"):
            check(text)


def test_a_note_has_lines_and_a_name_has_one() -> None:
    assert check_note("one\n\ttwo\r\n") == "one\n\ttwo\r\n"
    with pytest.raises(ValueError, match="line break"):
        check_line("one\ntwo")


def test_foreign_text_is_shown_readably() -> None:
    assert readable("a\x1b[31mb\u202ec\td") == "a\ufffd[31mb\ufffdc\ufffdd"
    assert readable("a\tb", keep="\t") == "a\tb"


def test_variants_of_a_reserved_name_are_reserved() -> None:
    assert all(map(is_reserved, ["service", "SERVICE", " service ", "\uff53ervice"]))
    assert not any(map(is_reserved, ["services", "admin", "operator"]))
