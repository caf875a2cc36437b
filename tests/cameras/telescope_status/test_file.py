"""A file that the observatory's own program writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cameras.telescope_status.file import FIELDS, parse_status
from cameras.telescope_status.sources import SourceContext, StatusError, StatusSource, create_source
from cameras.telescope_status.status import LIMITS, TelescopeStatus
from tests.harness.clocks.clock import SteppingClock

NOTHING = "The telescope's status is unknown."
LINES = """\
# Written each second by the dome program.
ra = 05:35:16.8
dec: -5.391
focus 25.3
filterna=r deep
filterid = 2
is_slewing no
weather fine
"""
DOCUMENT = {"ra": 5.588, "dec": "-5:23:27.6", "filter_id": 2, "is_slewing": True, "weather": {"wind": 3}, "focus": None}


@pytest.fixture
def file(tmp_path: Path, clock: SteppingClock) -> Path:
    path = tmp_path / "telescope"
    path.write_text(LINES)
    set_age(path, clock, 1)
    return path


def set_age(path: Path, clock: SteppingClock, age_s: float) -> None:
    os.utime(path, ns=(0, clock.wall_ns() - round(age_s * 1e9)))


@pytest.fixture
def source(file: Path, context: SourceContext) -> StatusSource:
    return create_source("file", {"path": str(file), "max_age_s": 30}, context)


def known(status: TelescopeStatus) -> dict[str, Any]:
    return {name: getattr(status, name) for name in set(FIELDS.values()) if getattr(status, name) is not None}


def test_lines_of_names_and_values_are_read(source: StatusSource) -> None:
    found = source.read(0)
    assert (found.ra, found.dec, found.focus) == (pytest.approx(5.588), -5.391, 25.3)
    assert (found.filter_name, found.filter_id, found.is_slewing) == ("r deep", "2", False)
    assert (found.lst is None, found.ha is None, found.problem) == (False, False, "")


def test_a_json_object_is_read(source: StatusSource, file: Path, clock: SteppingClock) -> None:
    file.write_text(json.dumps(DOCUMENT))
    set_age(file, clock, 1)
    found = source.read(0)
    assert (found.ra, found.dec, found.focus) == (5.588, pytest.approx(-5.391), None)
    assert (found.filter_name, found.filter_id, found.is_slewing, found.problem) == (None, "2", True, "")


def test_a_new_content_is_read_the_next_time(source: StatusSource, file: Path, clock: SteppingClock) -> None:
    source.read(0)
    file.write_text("ra 6")
    set_age(file, clock, 0)
    assert source.read(0).ra == 6


def test_an_old_file_is_unknown(source: StatusSource, clock: SteppingClock) -> None:
    clock.advance(40)
    found = source.read(0)
    assert (found.ra, found.filter_name, found.is_slewing) == (None, None, None)
    assert found.problem == f"{NOTHING} The file is 41 s old; allowed are 30 s."


def test_a_missing_file_is_unknown_and_its_path_is_not_shown(source: StatusSource, file: Path) -> None:
    file.unlink()
    problem = f"{NOTHING} The file cannot be read (No such file or directory)."
    assert (source.read(0).ra, source.read(0).problem) == (None, problem)


def test_a_file_that_is_too_long_is_unknown(source: StatusSource, file: Path, clock: SteppingClock) -> None:
    file.write_text("ra 5\n" * 20_000)
    set_age(file, clock, 1)
    assert source.read(0).problem == f"{NOTHING} The file has more than 64 kB."


@pytest.mark.parametrize(
    ("text", "values", "problem"),
    [
        ("", {}, ""),
        ("ra 5\ndec 91", {"ra": 5.0}, "dec is 91; allowed is a number from -90 to 90 in degrees."),
        ("ra 5\nra 6\ndec 1", {"dec": 1.0}, "The file has ra 2 times. Write it once."),
        ("ra 5\ntele-ra 6", {}, "The file has ra 2 times. Write it once."),
        ('{"ra": 5, "ra": 6}', {}, "The file has ra 2 times. Write it once."),
        ('{"ra": true}', {}, "ra is True; allowed is a number from 0 to 24 in hours."),
        ('{"ra": NaN, "dec": [1]}', {}, "ra is NaN; allowed is a number from 0 to 24 in hours."),
        ("ra unknown\ndec none\nfilter_id", {}, ""),
        ("is_slewing maybe", {}, "is_slewing is neither true nor false."),
        ("filter_name " + "r" * 61, {}, "filter_name is not valid; allowed are at most 60 printable characters."),
        ('{"filter_name": "r\\n"}', {"filter_name": "r"}, ""),
        ('{"filter_name": "r\\ni"}', {}, "filter_name is not valid; allowed are at most 60 printable characters."),
        ('{"ra": 5, "de', {}, f"{NOTHING} The file is not JSON. Write a whole new file, and rename it to the old one."),
        ("[1]", {}, f"{NOTHING} The file's JSON is a list; it must be an object."),
    ],
)
def test_a_value_that_is_not_valid_is_unknown_with_a_sentence(text: str, values: dict[str, Any], problem: str) -> None:
    found = parse_status(text, 0)
    assert (known(found), found.problem) == (values, problem)


def within_limits(status: TelescopeStatus) -> bool:
    values = {name: getattr(status, name) for name in LIMITS}
    return all(value is None or LIMITS[name].allow(value) for name, value in values.items())


names = st.sampled_from(sorted(FIELDS)) | st.text(max_size=5)
lines = st.lists(st.tuples(names, st.sampled_from([" ", "=", ": ", ""]), st.text(max_size=20)).map("".join)).map(
    "\n".join
)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
).map(json.dumps)


@given(st.text() | lines | documents | st.binary().map(lambda content: content.decode(errors="replace")))
@example("[" * 60_000)
@example('{"ra": ' * 10_000)
@example('{"ra": ' + "9" * 10_000 + "}")
def test_no_content_gives_more_than_values_within_their_limits(text: str) -> None:
    assert within_limits(parse_status(text, 0))


fields = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.floats(limits.least, limits.most) for name, limits in LIMITS.items()},
        "filter_name": st.from_regex(r"[A-Za-z][A-Za-z0-9 ]{0,20}[0-9]", fullmatch=True),
        "is_slewing": st.booleans(),
    },
)


@given(fields)
def test_what_a_program_writes_is_what_is_read(values: dict[str, Any]) -> None:
    assert known(parse_status(json.dumps(values), 0)) == values
    assert known(parse_status("\n".join(f"{name} {value}" for name, value in values.items()), 0)) == values


@pytest.mark.parametrize("path", ["telescope", "~/telescope", "", "/run/tele\nscope"])
def test_the_path_is_absolute(path: str, context: SourceContext) -> None:
    with pytest.raises(
        StatusError,
        match=r"^The setting path of the telescope status source file: must be a path that begins with /\.$",
    ):
        create_source("file", {"path": path}, context)
