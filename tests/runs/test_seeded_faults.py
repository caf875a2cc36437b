"""The faults that are seeded to see whether the tests find them: each can still be applied, and its result is known."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.harness.documents.pages import page
from tests.harness.project import PROJECT

FAULTS = tomllib.loads((PROJECT / "scripts" / "seeded-faults.toml").read_text(encoding="utf-8"))["fault"]
each_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["name"])


@each_fault
def test_a_fault_replaces_one_line_of_the_project(fault: dict[str, Any]) -> None:
    text = (PROJECT / fault["file"]).read_text(encoding="utf-8")
    assert text.count(fault["line"]) == 1


@each_fault
def test_the_tests_that_cover_the_line_exist(fault: dict[str, Any]) -> None:
    assert [test for test in fault["tests"] if not (PROJECT / test).is_file()] == []


def test_the_measured_table_has_all_faults() -> None:
    lines = page("docs/measurements/seeded-faults.md").splitlines()
    assert [line.split("`")[1] for line in lines if line.startswith("| `")] == [fault["name"] for fault in FAULTS]
