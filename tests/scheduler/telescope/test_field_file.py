"""Field files: what a line means, and what the error of a wrong line says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.text.names import is_readable
from scheduler.telescope.driver.field import (
    DARK_CODE,
    DOME_FLAT_CODE,
    EVENING_FLAT_CODE,
    FOCUS_CODE,
    MORNING_FLAT_CODE,
    OFFSET_CODE,
    SKY_CODE,
    SurveyCode,
)
from scheduler.telescope.night.field_file import (
    MAX_CHARACTERS,
    MAX_ERRORS,
    FilterLine,
    FocusSteps,
    LineError,
    ListedField,
    decode_field_file,
    format_field_line,
    parse_field_file,
)

SKY = "3.424352 -14.3 Y 60 1800 3 0"
DARK = "0 0 N 60 0 15 0"
FOCUS = "0 0 F 10 0 7 0 0.05 27.95"

texts = st.text(st.characters(min_codepoint=32, codec="utf-8").filter(is_readable), max_size=60)
focus_steps = st.builds(FocusSteps, st.floats(0.01, 0.02), st.floats(26, 28))
columns = st.fixed_dictionaries(
    {
        "ra": st.floats(0, 24),
        "dec": st.floats(-90, 90),
        "exposure_s": st.floats(0, 1000),
        "interval_s": st.floats(0, 43_200),
        "n_required": st.integers(1, 100),
        "survey": st.sampled_from(SurveyCode),
        "comment": texts,
    }
)


def only(line: str) -> ListedField:
    parsed = parse_field_file(line)
    assert parsed.errors == ()
    (field,) = parsed.fields
    return field


def error_of(line: str) -> LineError:
    (error,) = parse_field_file(line).errors
    return error


def test_a_line_has_the_columns_of_a_field() -> None:
    line = "  3.424352 -14.3\tY 60.0 1800 3 2  # QJ126C4 0.51"
    assert parse_field_file(f"# ra dec\n\n{line}\n").fields == (
        ListedField(
            id="s 3.424352 -14.300000 1",
            number=0,
            line=3,
            script_line=line,
            ra=3.424352,
            dec=-14.3,
            shutter=SKY_CODE,
            exposure_s=60,
            interval_s=1800,
            n_required=3,
            survey=SurveyCode.SNE,
            focus=None,
            comment=" QJ126C4 0.51",
        ),
    )


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ("N d", DARK_CODE),
        ("Y s", SKY_CODE),
        ("P p", OFFSET_CODE),
        ("E e", EVENING_FLAT_CODE),
        ("M m", MORNING_FLAT_CODE),
        ("L l", DOME_FLAT_CODE),
    ],
)
def test_a_kind_of_field_has_two_flags(flags: str, code: int) -> None:
    upper, lower = flags.split()
    assert only(f"1 2 {upper} 60 0 1 0").shutter == code
    assert only(f"1 2 {lower} 60 0 1 0").shutter == code


@pytest.mark.parametrize("flag", ["F", "f"])
def test_a_focus_line_has_an_increment_and_a_default(flag: str) -> None:
    field = only(f"0 0 {flag} 10 0 7 0 0.05 27.95 # focus")
    assert (field.shutter, field.focus) == (FOCUS_CODE, FocusSteps(0.05, 27.95))
    assert field.focus is not None
    assert field.focus.start(field.n_required) == pytest.approx(27.8)


def test_ligo_fields_are_must_do() -> None:
    surveys = [only(f"1 2 Y 60 0 1 {number}") for number in range(5)]
    assert [field.is_must_do for field in surveys] == [False, False, False, True, True]


def test_the_last_filter_counts() -> None:
    parsed = parse_field_file(f"FILTER rgzz # four\n{SKY}\nfilter clear\r\n")
    assert parsed.filters == (FilterLine(1, "rgzz"), FilterLine(3, "clear"))
    assert parsed.filter_name == "clear"
    assert parse_field_file(SKY).filter_name is None


def test_fields_are_numbered_in_their_order_without_wrong_lines() -> None:
    parsed = parse_field_file(f"{DARK}\nwrong\n# comment\n{SKY}\r\n{FOCUS}")
    assert [(field.number, field.line, field.kind.letter) for field in parsed.fields] == [
        (0, 1, "d"), (1, 4, "s"), (2, 5, "f"),
    ]  # fmt: skip
    assert parsed.fields[1].script_line == SKY
    assert [error.line for error in parsed.errors] == [2]


def test_an_id_stays_when_other_lines_and_columns_change() -> None:
    before = parse_field_file(f"{SKY}\n{DARK}").fields
    after = parse_field_file(f"1 1 Y 5 0 1 0\n{DARK}\n3.424352 -14.3 s 90 600 5 3 # longer").fields
    assert {field.id for field in before} < {field.id for field in after}


def test_two_lines_of_one_place_have_two_ids() -> None:
    ids = [field.id for field in parse_field_file(f"{SKY}\n{SKY}").fields]
    assert ids == ["s 3.424352 -14.300000 1", "s 3.424352 -14.300000 2"]


@pytest.mark.parametrize(
    ("line", "column", "text", "message"),
    [
        ("24.1 0 Y 60 0 1 0", "ra", "24.1",
         "The right ascension is 24.1; it must be a number from 0 h to 24 h."),
        ("-0.1 0 Y 60 0 1 0", "ra", "-0.1",
         "The right ascension is -0.1; it must be a number from 0 h to 24 h."),
        ("nan 0 Y 60 0 1 0", "ra", "nan",
         "'nan' is no right ascension: it must be a number from 0 h to 24 h."),
        ("1 -90.5 Y 60 0 1 0", "dec", "-90.5",
         "The declination is -90.5; it must be a number from -90° to 90°."),
        ("1 inf Y 60 0 1 0", "dec", "inf",
         "'inf' is no declination: it must be a number from -90° to 90°."),
        ("1 2 Z 60 0 1 0", "flag", "Z",
         "'Z' is no flag; the flags are N or d (dark), Y or s (sky), F or f (focus), P or p (offset), E or e (p"),
        ("1 2 y 60 0 1 0", "flag", "y", "'y' is no flag; "),
        ("1 2 Y 1e999 0 1 0", "exposure", "1e999",
         "The exposure is 1e999; it must be a number from 0 s to 1000 s."),
        ("1 2 Y 60 43201 1 0", "interval", "43201",
         "The interval is 43201; it must be a number from 0 s to 43200 s."),
        ("1 2 Y 60 0x10 1 0", "interval", "0x10", "'0x10' is no interval: it must be a number from 0 s to 43200 s."),
        ("1 2 Y 60 0 0 0", "observations", "0",
         "The number of observations is 0; it must be a whole number from 1 to 100."),
        ("1 2 Y 60 0 101 0", "observations", "101",
         "The number of observations is 101; it must be a whole number from 1 to 100."),
        ("1 2 Y 60 0 1_0 0", "observations", "1_0",
         "'1_0' is no number of observations: it must be a whole number from 1 to 100."),
        ("1 2 Y 60 0 3.0 0", "observations", "3.0",
         "'3.0' is no number of observations: it must be a whole number from 1 to 100."),
        ("1 2 Y 60 0 1 5", "survey", "5", "The survey is 5; it must be a whole number from 0 to 4."),
        ("1 2 Y 60 0 1 # 0", "survey", "",
         "The line has 6 columns and no survey; a field line has 7: ra, dec, flag, exposure, interval, observations, "),
        ("1 2", "flag", "", "The line has 2 columns and no flag; a field line has 7: "),
        ("1 2 Y 60 0 1 0 QJ126", "line", "QJ126",
         ("The line has 8 columns; a field line has 7: ra, dec, flag, exposure, interval, observations, survey. "
          "Write # before a comment.")),
        ("0 0 F 10 0 7 0 0.05", "default", "", "The line has 8 columns and no default; a focus line has 9: "),
        ("0 0 F 10 0 7 0 0.2 27", "increment", "0.2",
         "The focus increment is 0.2; it must be a number from 0.01 mm to 0.1 mm."),
        ("0 0 F 10 0 7 0 0.05 23", "default", "23",
         "The default focus is 23; it must be a number from 24 mm to 30 mm."),
        ("0 0 F 10 0 40 0 0.1 25", "default", "25",
         ("The focus would go from 23 mm to 27 mm; it must stay from 24 mm to 30 mm. "
          "Change the default, the increment or the number of observations.")),
        ("FILTER", "line", "FILTER", "A FILTER line has one word after FILTER, the name of the filter."),
        ("FILTER a b", "line", "FILTER a b", "A FILTER line has one word after FILTER, the name of the filter."),
        ("1 2 Y 60 0 1 0 # \u202e", "line", "1 2 Y 60 0 1 0 # \u202e",
         "Character 18 of the line is '\\u202e', which is invisible. Leave it out."),
        ("1 2 é 60 0 1 0 # é", "line", "1 2 é 60 0 1 0 # é",
         "Character 5 of the line is '\\xe9'; before # only printable ASCII is allowed."),
        ("1 2 Y\x00 60 0 1 0", "line", "1 2 Y\x00 60 0 1 0",
         "Character 6 of the line is '\\x00'; before # only printable ASCII is allowed."),
        ("\x85", "line", "\x85", "Character 1 of the line is '\\x85'; before # only printable ASCII is allowed."),
        ("\uff11 2 Y 60 0 1 0", "line", "\uff11 2 Y 60 0 1 0",
         "Character 1 of the line is '\\uff11'; before # only printable ASCII is allowed."),
    ],
)  # fmt: skip
def test_a_wrong_line_names_its_first_wrong_column_and_what_is_allowed(
    line: str, column: str, text: str, message: str
) -> None:
    error = error_of(line)
    assert (error.line, error.column, error.text) == (1, column, text)
    assert error.message.startswith(message)
    assert str(error) == f"Line 1: {error.message}"


def test_a_line_with_several_wrong_columns_has_one_error_with_all_of_them() -> None:
    error = error_of("25 99 Y 60 0 1 0")
    assert error.column == "ra"
    assert error.message == (
        "The right ascension is 25; it must be a number from 0 h to 24 h. "
        "The declination is 99; it must be a number from -90° to 90°."
    )


def test_the_limits_themselves_are_allowed() -> None:
    parsed = parse_field_file(
        "0 -90 Y 0 0 1 0\n24 90 Y 1000 43200 100 4\n0 0 F 0 0 1 0 .01 24\n0 0 F 0 0 1 0 1e-1 29.9"
    )
    assert parsed.errors == ()
    assert len(parsed.fields) == 4


def test_a_line_may_have_1021_bytes() -> None:
    """With a newline, a blank and a NUL it has the 1024 of the C structure."""
    assert only(f"{SKY} #".ljust(1021, "x"))
    assert error_of(f"{SKY} #".ljust(1022, "x")).message == "The line has 1,022 bytes; it may have up to 1021."


def test_a_list_may_have_500_fields() -> None:
    parsed = parse_field_file(f"{SKY}\n" * 502)
    assert len(parsed.fields) == 500
    assert [error.line for error in parsed.errors] == [501, 502]
    assert parsed.errors[0].message == "A list has at most 500 fields; this is one more."


def test_a_huge_file_is_not_read() -> None:
    parsed = parse_field_file("#" * (MAX_CHARACTERS + 1))
    assert parsed.fields == ()
    assert [str(error) for error in parsed.errors] == [
        "The field file has 1,048,577 characters; it may have up to 1,048,576."
    ]


def test_reading_ends_after_a_thousand_wrong_lines() -> None:
    errors = parse_field_file("x\n" * 2000 + SKY).errors
    assert len(errors) == MAX_ERRORS + 1
    assert str(errors[-1]) == "More than 1000 lines are wrong; the rest is not read."


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert only("\ufeff" + SKY).script_line == SKY


@given(columns, st.sampled_from("NYPEML"))
@example({"ra": 0.1 + 0.2, "dec": -0.0, "exposure_s": 5e-324, "interval_s": 1e-7, "n_required": 1,
          "survey": SurveyCode.LIGO, "comment": ""}, "Y")  # fmt: skip
def test_a_line_that_was_written_reads_back(values: dict[str, object], flag: str) -> None:
    field = replace(only(f"1 2 {flag} 60 0 1 0"), **values)
    assert columns_of(only(format_field_line(field))) == columns_of(field)


@given(columns, focus_steps)
def test_a_focus_line_that_was_written_reads_back(values: dict[str, object], steps: FocusSteps) -> None:
    field = replace(only(FOCUS), **values, focus=steps)
    assert columns_of(only(format_field_line(field))) == columns_of(field)


def columns_of(field: ListedField) -> ListedField:
    return replace(field, id="", line=0, script_line="")


def test_a_written_line_is_short() -> None:
    assert format_field_line(only("3.4243520 -14.30 s 60.000 1.8e3 3 4  # QJ126")) == (
        "3.424352 -14.3 Y 60 1800 3 4 # QJ126"
    )


hostile = st.one_of(
    st.text(),
    st.text("0123456789.+-eE \t#\r\nNYFPEMLdsfpemlFILTER_xX\x00\x1c\u2028é", max_size=300),
    st.lists(st.sampled_from(["1", "-1", "nan", "1e400", "Y", "F", "0", "#", "1e", "+", ".", "99999999999999"])).map(
        " ".join
    ),
)


@pytest.mark.parametrize(
    "comment", [" Große Magellansche Wolke", " 北京 µ Cephei", " 👩\u200d🚀", "\u00a0NGC 253\t# é"]
)
def test_a_comment_may_have_any_characters_that_can_be_read(comment: str) -> None:
    assert only(f"1 2 Y 60 0 1 0 #{comment}").comment == comment


def test_a_file_that_is_not_utf_8_is_read_as_latin_1() -> None:
    text = "1 2 Y 60 0 1 0 # é"
    assert decode_field_file(text.encode()) == (text, False)
    assert decode_field_file(text.encode("latin-1")) == (text, True)


@given(hostile)
def test_any_text_is_read_without_an_exception(text: str) -> None:
    parsed = parse_field_file(text)
    lines = text.removeprefix("\ufeff").count("\n") + 1
    assert {0 < error.line <= lines for error in parsed.errors} <= {True}
    assert len(parsed.fields) + len(parsed.filters) + len(parsed.errors) <= lines
    assert {0 <= field.ra <= 24 and -90 <= field.dec <= 90 for field in parsed.fields} <= {True}
