"""Tests that fail, for `test_second_look.py`; pytest does not collect them by itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

RUN_BEFORE = Path(os.environ["RUNS_BEFORE"])


def test_that_passes() -> None: ...


def test_that_fails() -> None:
    raise AssertionError("it never works")


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_that_fails_at_first(name: str) -> None:
    file = RUN_BEFORE / name
    if not file.exists():
        file.touch()
        print(f"{name} had no luck")
        raise AssertionError("the machine is busy")


def test_that_fails_each_second_time() -> None:
    file = RUN_BEFORE / "odd"
    if file.exists():
        file.unlink()
    else:
        file.touch()
        raise AssertionError("it works by half")
