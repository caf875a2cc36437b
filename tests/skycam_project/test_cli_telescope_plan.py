"""`skycam telescope plan`: a night from a file, without a station."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.stations.command_line import answer, run, skycam

NIGHT = ("--night", "2026-11-20", "--site=-29.257,-70.7295,2347")
LINES = """\
1.00 -25 Y 100 0 1 0 # sets early
4.00 -40 Y 200 7200 2 3 # must be done
2.00 60 Y 100 0 1 0 # never rises
"""


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    file = tmp_path / "tonight.fields"
    file.write_text(LINES)
    return file


def planned(*words: str, given: str = "") -> dict[str, Any]:
    return answer("telescope", "plan", *words, *NIGHT, given=given)


def names(body: dict[str, Any]) -> list[str]:
    return [f"{one['comment']} {one['number']}" for one in body["observations"]]


def test_a_night_is_planned_with_its_reasons(fields: Path) -> None:
    body = planned(str(fields))
    assert names(body) == ["sets early 1", "must be done 1", "must be done 2"]
    assert [one["comment"] for one in body["unfinished"]] == ["never rises"]
    assert all(one["reason"].endswith(".") for one in [*body["observations"], *body["unfinished"]])


def test_it_needs_no_station(fields: Path, tmp_path: Path) -> None:
    done = run(tmp_path / "none", "--output", "json", "telescope", "plan", str(fields), *NIGHT)
    assert json.loads(done.stdout) == planned(str(fields))
    assert not (tmp_path / "none").exists()


def test_the_list_may_come_from_the_standard_input(fields: Path) -> None:
    assert planned("-", given=LINES) == planned(str(fields))


def test_each_choice_says_why_the_others_were_passed_over(fields: Path) -> None:
    (first, *_) = planned(str(fields), "--passed-over")["observations"]
    assert [one["comment"] for one in first["passed_over"]] == ["must be done", "never rises"]


def test_the_sequential_rule_takes_the_list_in_its_order(fields: Path) -> None:
    assert names(planned(str(fields), "--rule", "sequential")) == ["sets early 1", "must be done 1"]


def test_fields_of_an_add_file_are_planned_too(fields: Path, tmp_path: Path) -> None:
    added = tmp_path / "tonight.add"
    added.write_text("3.00 -20 Y 300 0 1 4 # an alert\n")
    assert "an alert 1" in names(planned(str(fields), "--add", str(added)))


@pytest.mark.django_db
def test_a_file_in_latin_1_is_planned_and_the_command_says_so(fields: Path) -> None:
    fields.write_bytes("1 -25 Y 100 0 1 0 # Große Wolke".encode("latin-1"))
    done = skycam("telescope", "plan", str(fields), *NIGHT)
    assert (done.exit_code, "Große Wolke" in done.stdout) == (0, True)
    assert done.stderr.strip() == f"{fields} is not UTF-8 and was read as Latin-1. Check its comments."


def test_all_wrong_lines_are_named(fields: Path) -> None:
    fields.write_text("25 -25 Y 100 0 1 0\n\n1 -25 X 100 0 1 0\n")
    done = skycam("telescope", "plan", str(fields), *NIGHT)
    assert (done.exit_code, done.stdout) == (2, "")
    assert [line.split(": ")[2] for line in done.stderr.splitlines()] == ["Line 1", "Line 3"]


@pytest.mark.parametrize("site", ["here", "1,2", "91,0,0", "nan,0,0"])
def test_a_place_that_cannot_be_is_refused(fields: Path, site: str) -> None:
    done = skycam("telescope", "plan", str(fields), "--night", "2026-11-20", f"--site={site}")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
