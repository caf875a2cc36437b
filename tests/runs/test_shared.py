"""A station that files share runs while they use it, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.harness.runs.shared import Shared


class Stations:
    """Those that run, and how often one was started."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.running: list[str] = []
        self.starts = 0

    def get(self, name: str) -> str:
        found: str = self.shared.get(name, partial(self._start, name))
        return found

    @contextmanager
    def _start(self, name: str) -> Iterator[str]:
        self.starts += 1
        self.running.append(name)
        try:
            yield f"{name} {self.starts}"
        finally:
            self.running.remove(name)


@pytest.fixture
def stations() -> Stations:
    return Stations()


def test_files_that_use_it_have_the_same_one(stations: Stations) -> None:
    assert stations.get("plain") == "plain 1"
    stations.shared.end_others("plain")
    assert stations.get("plain") == "plain 1"


def test_a_file_that_does_not_use_it_ends_it(stations: Stations) -> None:
    stations.get("plain")
    stations.get("pages")
    stations.shared.end_others("pages")
    assert stations.running == ["pages"]
    stations.shared.end_others(None)
    assert stations.running == []


def test_a_later_file_that_uses_it_has_another_one(stations: Stations) -> None:
    stations.get("plain")
    stations.shared.end_others(None)
    assert stations.get("plain") == "plain 2"
    assert stations.running == ["plain"]
