"""How often parts were restarted in the last hour, for the alert rules."""

from __future__ import annotations

import pytest

from skycam_project.launch.health import WITHIN_S, RestartCounts


class Parts:
    """One part of a station, by a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.counts = RestartCounts(lambda: self.now)

    def at(self, now: float, restarts: int) -> tuple[float | None, bool]:
        self.now = now
        (signal,) = self.counts.signals("main", [{"name": "web", "restarts": restarts}])
        return signal.value, signal.is_at_least


@pytest.fixture
def parts() -> Parts:
    return Parts()


def test_restarts_of_the_last_hour_are_counted(parts: Parts) -> None:
    assert [parts.at(0, 3)[0], parts.at(10, 4)[0], parts.at(20, 6)[0]] == [0, 1, 3]
    assert parts.at(WITHIN_S + 15, 6)[0] == 2


def test_within_an_hour_of_the_start_there_may_have_been_more(parts: Parts) -> None:
    assert parts.at(0, 3) == (0, True)
    assert parts.at(WITHIN_S, 3) == (0, False)


def test_the_counts_of_another_launcher_begin_again(parts: Parts) -> None:
    parts.at(0, 7)
    assert [parts.at(10, 0)[0], parts.at(20, 2)[0]] == [0, 2]
