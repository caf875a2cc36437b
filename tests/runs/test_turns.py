"""Runs side by side take turns: on each place one of them runs the tests of a file, then another."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.harness.kernel_names import KernelName
from tests.harness.runs.plugin import is_controller
from tests.harness.runs.turns import LONGEST_S, Turns, next_of, turn_of
from tests.harness.waiting import eventually

FIRST, SECOND = Path("test_first.py"), Path("test_second.py")


@pytest.fixture
def place() -> str:
    """No place of a run."""
    return f"test-{os.getpid()}"


class Run:
    """A run that has the place, without pytest."""

    def __init__(self, place: str, name: str, begun: list[str], longest_s: float = LONGEST_S) -> None:
        self.name, self.begun, self.turns = name, begun, Turns(place, longest_s)

    def test(self, file: Path, before: Path | None) -> None:
        """One of `file`; the next one is of `before`."""
        following: Any = before and SimpleNamespace(path=before)
        item: Any = SimpleNamespace(path=file)
        protocol: Any = self.turns.pytest_runtest_protocol(item, following)
        next(protocol)
        self.begun.append(f"{self.name}: {file.stem}")
        with pytest.raises(StopIteration):
            next(protocol)


def is_free(name: KernelName) -> bool:
    free = name.take()
    name.give_up()
    return free


@contextmanager
def forked() -> Iterator[None]:
    """A copy of this process, until the end of the context."""
    ends, end = os.pipe()
    child = os.fork()
    if not child:
        os.read(ends, 1)
        os._exit(0)
    yield
    os.write(end, b".")
    os.waitpid(child, 0)


def test_a_run_keeps_its_turn_for_all_tests_of_a_file(place: str) -> None:
    run = Run(place, "mine", [])
    run.test(FIRST, before=FIRST)
    assert not is_free(turn_of(place))
    run.test(FIRST, before=SECOND)
    assert is_free(turn_of(place))


def test_a_run_that_ends_gives_up_its_turn(place: str) -> None:
    run = Run(place, "mine", [])
    run.test(FIRST, before=None)
    assert is_free(turn_of(place))


def test_a_run_that_waits_comes_before_the_next_file_of_the_other(place: str) -> None:
    begun: list[str] = []
    mine, other = Run(place, "mine", begun), Run(place, "other", begun)
    mine.test(FIRST, before=FIRST)
    waiting = threading.Thread(target=other.test, args=(FIRST, None))
    waiting.start()
    eventually(lambda: not is_free(next_of(place)))
    mine.test(FIRST, before=SECOND)
    mine.test(SECOND, before=None)
    waiting.join()
    assert begun == ["mine: test_first", "mine: test_first", "other: test_first", "mine: test_second"]


def test_what_a_test_has_forked_does_not_keep_the_turn(place: str) -> None:
    run = Run(place, "mine", [])
    run.test(FIRST, before=FIRST)
    with forked():
        run.test(FIRST, before=None)
        eventually(lambda: is_free(turn_of(place)))


def test_a_run_that_is_stopped_does_not_keep_the_others_for_ever(place: str) -> None:
    begun: list[str] = []
    stopped, other = Run(place, "stopped", begun), Run(place, "other", begun, longest_s=0.1)
    stopped.test(FIRST, before=FIRST)
    other.test(FIRST, before=None)
    assert begun == ["stopped: test_first", "other: test_first"]
    assert is_free(next_of(place))
    stopped.test(FIRST, before=None)


def test_each_worker_of_a_run_takes_turns_and_a_run_without_workers_takes_none(pytestconfig: pytest.Config) -> None:
    taking = [plugin for plugin in pytestconfig.pluginmanager.get_plugins() if isinstance(plugin, Turns)]
    assert len(taking) == (not is_controller(pytestconfig))
