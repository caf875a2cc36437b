"""Nights with everything that goes wrong in nights, on a clock of their own."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.harness.disks.small_disk import SmallDisk
from tests.harness.nights.faults import FAULTS
from tests.harness.nights.night import Planned, SimulatedNight, faults_of
from tests.harness.rows.archive import Archive

pytestmark = pytest.mark.django_db
SEED = 20270107
NAMES = sorted(FAULTS)
SHORT_HOURS = 3.0


@contextmanager
def simulated(hours: float, faults: list[Planned]) -> Iterator[SimulatedNight]:
    """A night that is over, on a disk and with rows that are removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        disk = SmallDisk(Path(folder), "256m")
        try:
            with transaction.atomic():
                night = SimulatedNight(Archive(disk.path), disk, hours, faults)
                night.run()
                yield night
                transaction.set_rollback(True)
        finally:
            disk.close()


def check_accounts(night: SimulatedNight) -> None:
    assert night.archive.inconsistencies() == []
    assert (night.row.state, night.row.planned) == ("finished", night.planned)
    assert night.unexplained() == []


@pytest.fixture(scope="module")
def shuffled() -> list[str]:
    """All faults but the outage of the database, which begins before dusk."""
    names = [name for name in NAMES if name != "database away"]
    random.Random(SEED).shuffle(names)
    return names


def test_a_night_of_twelve_hours_with_all_faults_is_accounted_for(shuffled: list[str]) -> None:
    faults = [Planned("database away", 0.0), *faults_of(shuffled, 11.5)]
    with simulated(12.0, faults) as night:
        check_accounts(night)
        assert night.reasons() >= {"camera_unreachable", "camera_hung", "camera_crashed", "disk_full", "unsafe"}
        assert night.row.saved > 0.9 * night.planned
        assert night.badly_exposed() <= 0.02 * night.row.saved


def test_a_night_without_faults_loses_nothing() -> None:
    with simulated(SHORT_HOURS, []) as night:
        check_accounts(night)
        assert night.losses() == []


def test_the_first_capture_starts_with_the_window() -> None:
    with simulated(0.1, []) as night:
        assert 0.0 <= night.late_s < 0.01


ORDERS = st.permutations(NAMES)
OFFSETS = st.lists(st.integers(0, 59), min_size=len(NAMES), max_size=len(NAMES))
"""Seconds within the minute in which a fault begins: while a picture is exposed, read out, written, or waited for."""

FOUND = (Phase.explicit, Phase.reuse, Phase.generate)
"""A failing night is not made simpler: that would take a night."""


@settings(max_examples=2, phases=FOUND, derandomize=True)
@given(names=ORDERS, offsets=OFFSETS)
def test_all_faults_in_any_order_are_accounted_for(names: list[str], offsets: list[int]) -> None:
    with simulated(SHORT_HOURS, faults_of(names, SHORT_HOURS, offsets)) as night:
        check_accounts(night)


@pytest.mark.prove
@pytest.mark.timeout(3600)
@settings(max_examples=100, phases=FOUND)
@given(names=ORDERS, offsets=OFFSETS)
def test_a_hundred_orders_of_faults_are_accounted_for(names: list[str], offsets: list[int]) -> None:
    with simulated(SHORT_HOURS, faults_of(names, SHORT_HOURS, offsets)) as night:
        check_accounts(night)
