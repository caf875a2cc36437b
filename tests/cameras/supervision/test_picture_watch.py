"""When a session has saved no picture for too long, and which steps follow."""

from __future__ import annotations

from typing import Any, cast

import pytest

from cameras.runtime.messages import StateReport
from cameras.supervision.recovery_policy import PictureWatch

MINUTE = 60.0


def report(saved: int = 5, interval_s: float | None = MINUTE, held: str = "", session: str = "a") -> StateReport:
    return cast(StateReport, {"session": {"id": session, "interval_s": interval_s, "saved": saved}, "held": held})


@pytest.fixture
def watch() -> PictureWatch:
    """Since 0 s without a picture."""
    watch = PictureWatch()
    watch.observe(0.0, report())
    return watch


def steps(watch: PictureWatch, until_s: float, interval_s: float = MINUTE) -> list[tuple[float, str]]:
    """Second and step, with a look at each second."""
    looks = ((float(now), watch.next_step(float(now), interval_s)) for now in range(int(until_s)))
    return [(now, step) for now, step in looks if step]


def test_the_steps_follow_after_ever_longer_waits(watch: PictureWatch) -> None:
    assert steps(watch, 30 * MINUTE) == [
        (3 * MINUTE, "reconnect"), (6 * MINUTE, "kill"), (12 * MINUTE, "kill"), (24 * MINUTE, "kill"),
    ]  # fmt: skip


def test_a_short_interval_is_given_a_minute(watch: PictureWatch) -> None:
    assert steps(watch, 2 * MINUTE, interval_s=1.0)[0] == (MINUTE, "reconnect")


def test_a_saved_picture_begins_again(watch: PictureWatch) -> None:
    watch.next_step(3 * MINUTE, MINUTE)
    watch.observe(4 * MINUTE, report(saved=6))
    assert watch.stalled_s(5 * MINUTE, MINUTE) == 0.0
    assert watch.next_step(7 * MINUTE, MINUTE) == "reconnect"


@pytest.mark.parametrize(
    "present",
    [report(interval_s=None), report(held="unsafe"), report(session="b"), {"session": None}],
)
def test_a_picture_that_is_not_expected_is_not_missed(watch: PictureWatch, present: Any) -> None:
    watch.observe(10 * MINUTE, present)
    assert watch.stalled_s(10 * MINUTE, MINUTE) == 0.0
    assert watch.next_step(10 * MINUTE, MINUTE) is None


def test_it_is_stalled_from_the_limit_on(watch: PictureWatch) -> None:
    assert watch.stalled_s(3 * MINUTE - 1, MINUTE) == 0.0
    assert watch.stalled_s(3 * MINUTE, MINUTE) == 3 * MINUTE
