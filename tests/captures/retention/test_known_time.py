"""Which clocks may decide that a file is too old."""

from __future__ import annotations

import pytest

from cameras.spool.moments import Moment
from captures.storage.retention.clock_guard import DAY_S, ClockReading, KnownTime, is_trusted, learn_time

NOON = 1_800_000_000.0
KNOWN = learn_time(ClockReading(Moment(NOON, "first", 1000.0), synchronised=True), None)


def reading(days: float, boot: str = "first", boot_days: float = 0.0, synchronised: bool = False) -> ClockReading:
    """`days` after noon by the wall clock, and `boot_days` after it by the boot clock."""
    return ClockReading(Moment(NOON + days * DAY_S, boot, 1000.0 + boot_days * DAY_S), synchronised)


def learned(known: KnownTime | None, *readings: ClockReading) -> KnownTime:
    for one in readings:
        assert is_trusted(one, known)
        known = learn_time(one, known)
    assert known is not None
    return known


def test_a_machine_without_a_known_time_trusts_its_clock() -> None:
    assert is_trusted(reading(0), None)


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_clock_that_was_set_ahead_is_not_trusted_whoever_set_it(synchronised: bool) -> None:
    assert not is_trusted(reading(2000, synchronised=synchronised), KNOWN)
    assert not is_trusted(reading(2, synchronised=synchronised), KNOWN)


def test_a_clock_that_agrees_with_the_boot_clock_is_trusted() -> None:
    assert is_trusted(reading(200, boot_days=200), KNOWN)
    assert is_trusted(reading(200.5, boot_days=200), KNOWN)


def test_a_clock_that_was_set_back_is_trusted_as_files_only_stay_longer() -> None:
    assert is_trusted(reading(-9000), KNOWN)
    assert is_trusted(reading(-9000, boot="next"), KNOWN)


@pytest.mark.parametrize("synchronised", [True, False])
def test_after_a_start_the_clock_may_be_thirty_days_ahead(synchronised: bool) -> None:
    assert is_trusted(reading(29, boot="next", synchronised=synchronised), KNOWN)
    assert not is_trusted(reading(31, boot="next", synchronised=synchronised), KNOWN)


def test_a_clock_that_was_set_back_and_then_right_is_trusted_again() -> None:
    back = learned(KNOWN, reading(-9000, boot_days=1))
    assert is_trusted(reading(2, boot_days=2), back)
    assert not is_trusted(reading(4, boot_days=2), back)


def test_a_dead_battery_and_a_late_time_server_need_nobody() -> None:
    started = learned(KNOWN, reading(-9000, boot="next", boot_days=0))
    later = learned(started, reading(-8940, boot="next", boot_days=60))
    assert is_trusted(reading(80, boot="next", boot_days=60, synchronised=True), later)
    assert not is_trusted(reading(91, boot="next", boot_days=60, synchronised=True), later)


def test_a_machine_without_a_battery_learns_how_long_it_was_off() -> None:
    started = learned(KNOWN, reading(0.01, boot="next"))
    synchronised = learned(started, reading(20, boot="next", synchronised=True))
    assert synchronised.at.wall == NOON + 20 * DAY_S
    assert not is_trusted(reading(22, boot="next"), synchronised)


def test_small_steps_that_nothing_confirmed_do_not_add_up() -> None:
    steps = [reading(0.9 * number, boot_days=0.01 * number) for number in range(2)]
    assert not is_trusted(reading(1.8, boot_days=0.02), learned(KNOWN, *steps))


def test_the_thirty_days_after_a_start_are_used_once() -> None:
    started = learned(KNOWN, reading(20, boot="next"))
    assert is_trusted(reading(29, boot="next"), started)
    assert not is_trusted(reading(31, boot="next"), started)


def test_the_first_synchronisation_of_a_new_machine_corrects_its_clock() -> None:
    new = learned(None, reading(-9000), reading(0, synchronised=True))
    assert new.confirmed
    assert not is_trusted(reading(9000, synchronised=True), new)


def test_a_machine_that_was_never_synchronised_is_guarded_too() -> None:
    assert not is_trusted(reading(31), learned(None, reading(0)))


def test_a_synchronisation_that_sets_the_clock_back_is_believed() -> None:
    ahead = learned(None, reading(5000, synchronised=True))
    back = learned(ahead, reading(0, synchronised=True))
    assert not is_trusted(reading(2), back)
