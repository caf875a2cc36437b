"""The time that fetching a picture takes, without the exposures that run beside it."""

from __future__ import annotations

from cameras.runtime.watched_driver import FetchTimer

LONG_S = 1000.0


def test_a_fetch_is_overdue_after_its_time() -> None:
    timer = FetchTimer()
    with timer.time_fetch(LONG_S):
        assert timer.overdue_s == 0
    with timer.time_fetch(-LONG_S):
        assert timer.overdue_s >= LONG_S
    assert timer.overdue_s == 0


def test_no_fetch_is_overdue_during_an_exposure() -> None:
    timer = FetchTimer()
    with timer.time_fetch(-LONG_S):
        with timer.pause():
            assert timer.overdue_s == 0
        assert timer.overdue_s >= LONG_S


def test_a_fetch_that_begins_during_an_exposure_has_its_time_after_it() -> None:
    timer = FetchTimer()
    exposure, fetch = timer.pause(), timer.time_fetch(0.0)
    exposure.__enter__()
    fetch.__enter__()
    assert timer.overdue_s == 0
    exposure.__exit__(None, None, None)
    assert 0 < timer.overdue_s < LONG_S
    fetch.__exit__(None, None, None)
