"""Runs a tier, and looks again at each test that failed: `python -m tests.harness.runs TIER [ARGUMENT OF PYTEST...]`.

A failed test is run twice more, alone, while nothing else of the run is going on. If it fails again, the run fails. If
it passes twice it is unstable: it is printed with the whole output of its first failure and written to
build/unstable.json, and the run passes if there are at most MOST_UNSTABLE of them. An unstable test is a defect, of the
product until shown otherwise.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.harness.project import PROJECT
from tests.harness.runs.turns import WORKERS

AGAIN = 2
MOST_UNSTABLE = 2
SLOWEST = 10
"""Tests that a run names at its end."""
MOST_FAILED = 10
NEEDED_BYTES = 2_000_000_000
"""Of the folder of temporary files, while WORKERS tests run."""
UNSTABLE = PROJECT / "build" / "unstable.json"
SOME_FAILED = 1
"""The exit status of pytest after a whole run."""


@dataclass(frozen=True)
class Failure:
    test: str
    output: str
    """Of its first failure."""


def main(tier: str, *arguments: str, report: Path = UNSTABLE) -> int:
    refuse_full_disk()
    status, failures = run("--tier", tier, "-n", str(WORKERS), "--durations", str(SLOWEST), *arguments)
    if status not in {0, SOME_FAILED} or (status and not failures):
        return status
    if len(failures) > MOST_FAILED:
        print(f"{len(failures)} tests failed. More than {MOST_FAILED} are not run again: the change is at fault.")
        return status
    unstable = [failure for failure in failures if passes_alone(failure, tier)]
    store(report, tier, unstable)
    for failure in unstable:
        print(f"\nUNSTABLE {failure.test}\n{failure.output}")
    failed = [failure.test for failure in failures if failure not in unstable]
    print("\n".join(summary(failed, unstable)))
    return SOME_FAILED if failed or len(unstable) > MOST_UNSTABLE else 0


def refuse_full_disk() -> None:
    folder = tempfile.gettempdir()
    if (free := shutil.disk_usage(folder).free) < NEEDED_BYTES:
        raise SystemExit(
            f"{folder} has {free / 1e9:.1f} GB free, and the tests need {NEEDED_BYTES / 1e9:.0f}: "
            "free some, or set TMPDIR to a folder on another disk."
        )


def run(*arguments: str) -> tuple[int, list[Failure]]:
    """The exit status of pytest, and the tests that failed."""
    file = Path(tempfile.gettempdir()) / "failures.json"
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "--failures", str(file), *arguments]
    status = subprocess.run(command, cwd=PROJECT, check=False).returncode
    found = json.loads(file.read_text()) if file.exists() else {}
    return status, [Failure(test, output) for test, output in found.items()]


def passes_alone(failure: Failure, tier: str) -> bool:
    print(f"\nOnce more, alone: {failure.test}", flush=True)
    return all(run("--tier", tier, "-q", failure.test)[0] == 0 for _ in range(AGAIN))


def store(report: Path, tier: str, unstable: list[Failure]) -> None:
    """Beside the unstable tests of the other tier."""
    report.parent.mkdir(exist_ok=True)
    found = json.loads(report.read_text()) if report.exists() else {}
    report.write_text(json.dumps(found | {tier: [vars(failure) for failure in unstable]}, indent=1))


def summary(failed: list[str], unstable: list[Failure]) -> list[str]:
    lines = [f"FAILED, and again alone: {test}" for test in failed]
    lines += [f"UNSTABLE, passed twice alone: {failure.test}" for failure in unstable]
    if len(unstable) > MOST_UNSTABLE:
        lines.append(f"{len(unstable)} unstable tests; at most {MOST_UNSTABLE} are allowed.")
    return lines


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
