"""Field files: the list of what a telescope observes in a night.

A line is a field, `FILTER` with a name, a comment that begins with `#`, or blank. A field's line has the columns

    right ascension (h), declination (°), flag, exposure (s), interval (s), observations, survey   # comment

and the line of a focus sequence has the increment and the default of the focus, in mm, before its comment. Places are
of the equinox J2000. A comment may have any characters that can be read, all else is ASCII.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from core.text.names import is_readable
from scheduler.telescope.driver.field import (
    BAD_CODE,
    FIELD_KINDS,
    FOCUS_CODE,
    MAX_FIELDS,
    MAX_OBS_PER_FIELD,
    FieldKind,
    SurveyCode,
)

MAX_CHARACTERS = 1_048_576
"""Of a file."""
MAX_BYTES = 4 * MAX_CHARACTERS
"""A longer file has more characters than MAX_CHARACTERS, whatever they are."""
LATIN_1 = "is not UTF-8 and was read as Latin-1. Check its comments."
"""Continues a sentence that begins with a file."""
MAX_LINE_BYTES = 1021
"""The C scheduler keeps a line in 1024 bytes, with its newline, a blank and a NUL."""
MAX_ERRORS = 1000
"""More wrong lines are not listed."""
FLAGS = {flag: code for code, kind in FIELD_KINDS.items() if code != BAD_CODE for flag in (kind.flag, kind.letter)}
"""What the third column says -> the code of the field's kind."""
FLAGS_TEXT = ", ".join(f"{kind.flag} or {kind.letter} ({kind.image_type})" for kind in list(FIELD_KINDS.values())[1:])
LEAST_FOCUS_MM, MOST_FOCUS_MM = 24.0, 30.0
LONGEST_TEXT = 40
"""Characters of a wrong text that an error shows."""
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Column:
    words: str
    least: float
    most: float
    unit: str = ""
    is_whole: bool = False

    @property
    def allowed(self) -> str:
        kind = "a whole number" if self.is_whole else "a number"
        return f"{kind} from {self.least:g}{self.unit} to {self.most:g}{self.unit}"

    def parse(self, text: str) -> float:
        """ValueError with a sentence that says what is allowed."""
        if not (WHOLE_NUMBER if self.is_whole else NUMBER).fullmatch(text):
            raise ValueError(f"{text[:LONGEST_TEXT]!r} is no {self.words}: it must be {self.allowed}.")
        # -0 becomes 0.
        value = float(text) + 0.0
        if not self.least <= value <= self.most:
            raise ValueError(f"The {self.words} is {text[:LONGEST_TEXT]}; it must be {self.allowed}.")
        return value


NUMBERS = {
    "ra": Column("right ascension", 0, 24, " h"),
    "dec": Column("declination", -90, 90, "°"),
    "exposure": Column("exposure", 0, 1000, " s"),
    "interval": Column("interval", 0, 43_200, " s"),
    "observations": Column("number of observations", 1, MAX_OBS_PER_FIELD, is_whole=True),
    "survey": Column("survey", 0, 4, is_whole=True),
    "increment": Column("focus increment", 0.01, 0.1, " mm"),
    "default": Column("default focus", LEAST_FOCUS_MM, MOST_FOCUS_MM, " mm"),
}
FIELD_COLUMNS = ("ra", "dec", "flag", "exposure", "interval", "observations", "survey")
FOCUS_COLUMNS = (*FIELD_COLUMNS, "increment", "default")


@dataclass(frozen=True, slots=True)
class FocusSteps:
    """A focus sequence steps through the best focus that is expected, in mm."""

    increment: float
    default: float

    def start(self, n_required: int) -> float:
        """The focus of the first of `n_required` exposures."""
        return self.default - n_required // 2 * self.increment


@dataclass(frozen=True, slots=True)
class ListedField:
    """A field as its line describes it."""

    id: str
    """What it is, in words: it stays the same when other lines, or the other columns of this line, change."""
    number: int
    """Its place in the list, from 0 on."""
    line: int
    """From 1 on; of the file that it is from."""
    script_line: str
    """The whole line without its end."""
    ra: float
    """Hours, J2000."""
    dec: float
    """Degrees, J2000. Of darks it says when in the night they are taken."""
    shutter: int
    """A code of FIELD_KINDS."""
    exposure_s: float
    interval_s: float
    """Between the starts of two observations."""
    n_required: int
    survey: SurveyCode
    focus: FocusSteps | None
    """Of a focus sequence."""
    comment: str
    """What follows the first `#`, with its blanks."""

    @property
    def kind(self) -> FieldKind:
        return FIELD_KINDS[self.shutter]

    @property
    def is_must_do(self) -> bool:
        return self.survey in {SurveyCode.MUSTDO, SurveyCode.LIGO}

    @property
    def title(self) -> str:
        """As sentences name it: `field 12 (NGC 253)`, without a comment `field 12 (sky)`."""
        return f"field {self.number} ({self.comment.strip()[:LONGEST_TEXT] or self.kind.image_type})"


@dataclass(frozen=True, slots=True)
class FilterLine:
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class LineError:
    """Why a line counts for nothing."""

    line: int
    """0 for the whole file."""
    column: str
    """The first wrong one of FOCUS_COLUMNS, or `line`."""
    text: str
    """What is wrong, shortened."""
    message: str
    """One sentence for each wrong column, with what is allowed."""

    def __str__(self) -> str:
        return f"Line {self.line}: {self.message}" if self.line else self.message


@dataclass(frozen=True, slots=True)
class ParsedFields:
    fields: tuple[ListedField, ...]
    filters: tuple[FilterLine, ...]
    errors: tuple[LineError, ...]
    """In the order of their lines."""

    @property
    def filter_name(self) -> str | None:
        """The filter of the night. The last line counts, because a night reads its whole file first."""
        return self.filters[-1].name if self.filters else None


class WrongLine(ValueError):
    def __init__(self, column: str, text: str, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.text = text[:LONGEST_TEXT]


def decode_field_file(content: bytes) -> tuple[str, bool]:
    """The text of a file, and whether it was read as Latin-1, because it is not UTF-8. Give all of it, or more than
    MAX_BYTES, which `parse_field_file` refuses: what is cut off would be missed by no one."""
    try:
        return content.decode(), False
    except UnicodeDecodeError:
        return content.decode("latin-1"), True


def parse_field_file(text: str) -> ParsedFields:
    """The fields of a file, and an error for each line that is wrong. It never raises."""
    if len(text) > MAX_CHARACTERS:
        error = f"The field file has {len(text):,} characters; it may have up to {MAX_CHARACTERS:,}."
        return ParsedFields((), (), (LineError(0, "line", "", error),))
    found: list[ListedField] = []
    filters: list[FilterLine] = []
    errors: list[LineError] = []
    seen: Counter[str] = Counter()
    # Not splitlines(): that also ends a line at characters which do not belong in a line.
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        try:
            parsed = _parse_line(number, line.removesuffix("\r"))
            if isinstance(parsed, ListedField):
                _check_count(found, parsed)
                seen[parsed.id] += 1
                found.append(replace(parsed, id=f"{parsed.id} {seen[parsed.id]}", number=len(found)))
            elif parsed is not None:
                filters.append(parsed)
        except WrongLine as error:
            errors.append(LineError(number, error.column, error.text, str(error)))
            if len(errors) == MAX_ERRORS:
                errors.append(
                    LineError(0, "line", "", f"More than {MAX_ERRORS} lines are wrong; the rest is not read.")
                )
                break
    return ParsedFields(tuple(found), tuple(filters), tuple(errors))


def format_field_line(field: ListedField) -> str:
    """The line of a field, without its end. `parse_field_file` reads the same columns and comment from it."""
    numbers = [field.exposure_s, field.interval_s, field.n_required, int(field.survey)]
    numbers += [field.focus.increment, field.focus.default] if field.focus else []
    columns = [_format(field.ra), _format(field.dec), field.kind.flag, *map(_format, numbers)]
    return " ".join(columns) + (f" #{field.comment}" if field.comment else "")


def _format(number: float) -> str:
    short = f"{number:.10g}"
    return short if float(short) == number else repr(number)


def _parse_line(number: int, line: str) -> ListedField | FilterLine | None:
    """None for a line without content. Raises WrongLine."""
    content, _, comment = line.partition("#")
    if not content.strip(" \t"):
        return None
    _check_characters(line, len(content))
    words = content.split()
    if words[0].upper() == "FILTER":
        return _parse_filter(number, words)
    columns = FOCUS_COLUMNS if FLAGS.get(words[2] if len(words) > 2 else "") == FOCUS_CODE else FIELD_COLUMNS
    _check_column_count(words, columns)
    values = _parse_columns(dict(zip(columns, words, strict=True)))
    focus = FocusSteps(values["increment"], values["default"]) if "increment" in values else None
    field = ListedField(
        id=f"{FIELD_KINDS[values['flag']].letter} {values['ra']:.6f} {values['dec']:+.6f}",
        number=0,
        line=number,
        script_line=line,
        ra=values["ra"],
        dec=values["dec"],
        shutter=values["flag"],
        exposure_s=values["exposure"],
        interval_s=values["interval"],
        n_required=int(values["observations"]),
        survey=SurveyCode(int(values["survey"])),
        focus=focus,
        comment=comment,
    )
    _check_focus(field, words)
    return field


def _parse_filter(number: int, words: list[str]) -> FilterLine:
    if len(words) != 2:
        raise WrongLine("line", " ".join(words), "A FILTER line has one word after FILTER, the name of the filter.")
    return FilterLine(number, words[1])


def _parse_columns(texts: dict[str, str]) -> dict[str, Any]:
    """Raises WrongLine with the sentences of all columns that are wrong."""
    values: dict[str, Any] = {}
    wrong: list[tuple[str, str]] = []
    for name, text in texts.items():
        parse: Callable[[str], float] = _parse_flag if name == "flag" else NUMBERS[name].parse
        try:
            values[name] = parse(text)
        except ValueError as error:
            wrong.append((name, str(error)))
    if wrong:
        first = wrong[0][0]
        raise WrongLine(first, texts[first], " ".join(sentence for _, sentence in wrong))
    return values


def _parse_flag(text: str) -> int:
    if text not in FLAGS:
        raise ValueError(f"{text[:LONGEST_TEXT]!r} is no flag; the flags are {FLAGS_TEXT}.")
    return FLAGS[text]


def _check_characters(line: str, comment_at: int) -> None:
    size = len(line.encode("utf-8", "surrogatepass"))
    if size > MAX_LINE_BYTES:
        raise WrongLine("line", line, f"The line has {size:,} bytes; it may have up to {MAX_LINE_BYTES}.")
    for place, character in enumerate(line, start=1):
        if " " <= character <= "~" or character == "\t":
            continue
        if place <= comment_at:
            message = f"Character {place} of the line is {character!a}; before # only printable ASCII is allowed."
            raise WrongLine("line", line, message)
        if not is_readable(character):
            message = f"Character {place} of the line is {character!a}, which is invisible. Leave it out."
            raise WrongLine("line", line, message)


def _check_column_count(words: list[str], columns: tuple[str, ...]) -> None:
    kind = "focus" if columns is FOCUS_COLUMNS else "field"
    expected = f"a {kind} line has {len(columns)}: {', '.join(columns)}"
    if len(words) < len(columns):
        missing = columns[len(words)]
        raise WrongLine(missing, "", f"The line has {len(words)} columns and no {missing}; {expected}.")
    if len(words) > len(columns):
        extra = words[len(columns)]
        message = f"The line has {len(words)} columns; {expected}. Write # before a comment."
        raise WrongLine("line", extra, message)


def _check_focus(field: ListedField, words: list[str]) -> None:
    if field.focus is None:
        return
    start = field.focus.start(field.n_required)
    end = start + field.n_required * field.focus.increment
    if start < LEAST_FOCUS_MM or end > MOST_FOCUS_MM:
        raise WrongLine(
            "default",
            words[-1],
            f"The focus would go from {start:g} mm to {end:g} mm; it must stay from {LEAST_FOCUS_MM:g} mm to "
            f"{MOST_FOCUS_MM:g} mm. Change the default, the increment or the number of observations.",
        )


def _check_count(found: list[ListedField], field: ListedField) -> None:
    if len(found) == MAX_FIELDS:
        raise WrongLine("line", field.script_line, f"A list has at most {MAX_FIELDS} fields; this is one more.")
