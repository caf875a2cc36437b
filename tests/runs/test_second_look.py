"""A failed test runs twice more, alone: what passes then is unstable and is said, what fails then fails the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.project import PROJECT
from tests.harness.runs.folder import CONTAINED
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.slow
EXAMPLES = "tests/runs/examples_of_failures.py"
RUN = """
import sys
from pathlib import Path
from tests.harness.runs.__main__ import main
sys.exit(main("first", "-n", "0", "-p", "no:cacheprovider", *sys.argv[2:], report=Path(sys.argv[1])))
"""


class Look:
    """A run of some of the examples, with its second look."""

    def __init__(self, folder: Path, *chosen: str) -> None:
        kept = ("PATH", "HOME", "LANG", "TMPDIR", "PYTEST_CURRENT_TEST", CONTAINED)
        environment = {name: os.environ[name] for name in kept if name in os.environ} | {"RUNS_BEFORE": str(folder)}
        tests = [f"{EXAMPLES}::test_that_{name}" for name in chosen]
        self.file = folder / "unstable.json"
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(self.file), *tests],
            cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=5 * PATIENCE_S,
        )  # fmt: skip
        self.status, self.output = done.returncode, done.stdout + done.stderr

    @property
    def unstable(self) -> list[dict[str, Any]]:
        found: dict[str, list[dict[str, Any]]] = json.loads(self.file.read_text())
        return found["first"]


def test_a_test_that_fails_again_alone_fails_the_run(tmp_path: Path) -> None:
    look = Look(tmp_path, "passes", "fails")
    assert look.status == 1, look.output
    assert f"FAILED, and again alone: {EXAMPLES}::test_that_fails" in look.output
    assert look.unstable == []


def test_a_failure_is_printed_as_it_happens(tmp_path: Path) -> None:
    look = Look(tmp_path, "fails", "passes")
    assert f"FAILED {EXAMPLES}::test_that_fails in its call: AssertionError: it never works" in look.output
    assert look.output.index("it never works") < look.output.index("= FAILURES =")


def test_a_test_that_passes_twice_alone_is_unstable_and_is_said_with_its_output(tmp_path: Path) -> None:
    look = Look(tmp_path, "fails_at_first[one]")
    [found] = look.unstable
    assert look.status == 0, look.output
    assert found["test"] == f"{EXAMPLES}::test_that_fails_at_first[one]"
    assert "the machine is busy" in found["output"]
    assert "one had no luck" in found["output"]
    assert f"UNSTABLE {found['test']}\n{found['output']}" in look.output


@pytest.mark.prove
def test_more_than_two_unstable_tests_fail_the_run(tmp_path: Path) -> None:
    look = Look(tmp_path, "fails_at_first")
    assert look.status == 1, look.output
    assert len(look.unstable) == 3
    assert "3 unstable tests; at most 2 are allowed." in look.output


@pytest.mark.prove
def test_a_test_that_passes_once_and_fails_again_is_no_unstable_one(tmp_path: Path) -> None:
    look = Look(tmp_path, "fails_each_second_time")
    assert look.status == 1, look.output
    assert look.unstable == []


def test_a_run_without_failures_says_that_no_test_is_unstable(tmp_path: Path) -> None:
    look = Look(tmp_path, "passes")
    assert look.status == 0, look.output
    assert look.unstable == []


def test_a_run_that_could_not_begin_has_the_status_of_pytest(tmp_path: Path) -> None:
    look = Look(tmp_path, "is_not_there")
    assert look.status == 4, look.output
