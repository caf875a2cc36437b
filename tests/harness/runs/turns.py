"""Runs of several clones on one machine take turns, file by file: together they run as many tests at once as one alone.

Only the workers of pytest-xdist do: a run without them is one test at a time, and somebody waits for it.

The product promises its times on a machine that is not full. Two runs side by side, with four stations each on two
cores, took all of it, and tests failed by what the product does then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.kernel_names import KernelName

WORKERS = 3 * (os.cpu_count() or 1) // 2
"""Of a run, and of all of a machine together. With three workers, whole stations use all of two cores; with four, a run
takes as long (docs/measurements/tests.md), and each test waits longer for a processor."""
LONGEST_S = 1800.0
"""A run that was stopped with Ctrl-Z must not keep the others waiting for ever; the longest file takes 12 min."""


class Turns:
    """Those of one worker of pytest-xdist. It has its turn for a whole file, since tests of a file share a station."""

    def __init__(self, place: str, longest_s: float = LONGEST_S) -> None:
        """One worker of each run has the same place. After `longest_s` it goes on without a turn."""
        self._turn, self._next, self._longest_s = turn_of(place), next_of(place), longest_s
        self._file: Path | None = None
        # What a test forks may outlive its file.
        os.register_at_fork(after_in_child=self._turn.give_up)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        # Outside of pytest-timeout, whose time begins with the test.
        if self._file is None:
            self._wait()
        self._file = item.path
        try:
            return (yield)
        finally:
            if nextitem is None or nextitem.path != self._file:
                self._file = None
                self._turn.give_up()

    def _wait(self) -> None:
        # The one that waits has the second name, so that the one before it cannot begin its next file first.
        until = time.monotonic() + self._longest_s
        if self._next.wait(until):
            self._turn.wait(until)
            self._next.give_up()


def turn_of(place: str) -> KernelName:
    return KernelName(f"turn-{place}")


def next_of(place: str) -> KernelName:
    """Of the one that waits for the turn."""
    return KernelName(f"next-{place}")


def place_of(worker: int) -> str:
    return str(worker % WORKERS)


def others_run() -> bool:
    """Whether another run has a turn now."""
    names = [turn_of(place_of(worker)) for worker in range(WORKERS)]
    try:
        return not all(name.take() for name in names)
    finally:
        for name in names:
            name.give_up()
