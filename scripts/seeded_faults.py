"""Applies the faults of seeded-faults.toml one by one, and says which tier of the tests finds each.

    python scripts/seeded_faults.py [--in CHECKOUT] [--all] [NAME...]

For each fault the tests that cover its line run first, those of the first tier before those of the second; with `--all`
both tiers run whole for a fault that they did not find. The results are added to build/seeded-faults.json of the
checkout, which has to be clean: its sources are changed while this runs. A checkout without tiers (an older commit) has
one result, `suite`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_name("seeded-faults.toml")
FAILED, NO_TESTS = 1, 5
"""Exit statuses of pytest."""
LONGEST_S = 1800
TIERS = ("first", "stations")
Fault = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="checkout", type=Path, default=PROJECT)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    if git(given.checkout, "status", "--porcelain", "--untracked-files=no"):
        raise SystemExit(f"{given.checkout} has changes. Use a clean clone: its sources are changed while this runs.")
    faults = tomllib.loads(TABLE.read_text(encoding="utf-8"))["fault"]
    for fault in [one for one in faults if one["name"] in given.names or not given.names]:
        with applied(fault, given.checkout):
            found = first_finding(fault, given.checkout, given.all)
        store(given.checkout, fault["name"], found)
        print(f"{fault['name']:36} {found['tier']:9} {found['test']}", flush=True)
    return 0


@contextmanager
def applied(fault: Fault, checkout: Path) -> Iterator[None]:
    file = checkout / fault["file"]
    text = file.read_text(encoding="utf-8")
    if text.count(fault["line"]) != 1:
        raise SystemExit(f"{fault['name']}: {fault['file']} does not have its line exactly once.")
    try:
        file.write_text(text.replace(fault["line"], fault["fault"]), encoding="utf-8")
        yield
    finally:
        file.write_text(text, encoding="utf-8")


def first_finding(fault: Fault, checkout: Path, whole: bool) -> dict[str, str]:
    """The tier and the first test that fails; `none` and an empty name if none does."""
    covering = [test for test in fault["tests"] if (checkout / test).exists()]
    for tier, tests in plan(checkout, covering, whole):
        if failed := first_failure(checkout, tier, tests):
            return {"tier": tier or "suite", "test": failed}
    return {"tier": "none", "test": ""}


def plan(checkout: Path, covering: list[str], whole: bool) -> Iterator[tuple[str, list[str]]]:
    tiers = TIERS if (checkout / "tests" / "harness" / "runs").is_dir() else ("",)
    yield from ((tier, covering) for tier in tiers)
    if whole:
        yield from ((tier, []) for tier in tiers)


def first_failure(checkout: Path, tier: str, tests: list[str]) -> str:
    """Its name; empty if all pass. `tests`: these, or all in parallel."""
    words = ["--tier", tier] if tier else ["-m", "not prove"]
    words += tests or ["-n", "4", "--maxfail", "1"]
    command = [".venv/bin/python", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    if done.returncode in {0, NO_TESTS}:
        return ""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return lines[0].split(" ", 2)[1] if lines else f"pytest ends with {done.returncode}"


def store(checkout: Path, name: str, found: dict[str, str]) -> None:
    file = checkout / "build" / "seeded-faults.json"
    file.parent.mkdir(exist_ok=True)
    results = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(results | {name: found}, indent=1))


def git(checkout: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=checkout, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
