"""Nights with everything that goes wrong in nights, on a clock of their own."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import Phase, given
from hypothesis import strategies as st

from tests.harness.disks.small_disk import SmallDisk
from tests.harness.nights.faults import FAULTS
from tests.harness.nights.night import Planned, SimulatedNight, faults_of
from tests.harness.rows.archive import Archive
from tests.harness.runs.examples import examples

pytestmark = pytest.mark.django_db
SEED = 20270107
NAMES = sorted(FAULTS)
SHORT_HOURS = 3.0
WHOLE_NIGHT = pytest.param(12.0, 0.9, marks=pytest.mark.prove)
"""Hours, and the share of its captures that is saved in spite of the faults."""


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


@pytest.mark.slow
@pytest.mark.parametrize(("hours", "saved"), [(6.0, 0.8), WHOLE_NIGHT])
def test_a_night_with_all_faults_is_accounted_for(shuffled: list[str], hours: float, saved: float) -> None:
    faults = [Planned("database away", 0.0), *faults_of(shuffled, hours - 0.5)]
    with simulated(hours, faults) as night:
        check_accounts(night)
        assert night.reasons() >= {"camera_unreachable", "camera_hung", "camera_crashed", "disk_full", "unsafe"}
        assert night.row.saved > saved * night.planned
        assert night.badly_exposed() <= 0.02 * night.row.saved


@pytest.mark.slow
def test_a_night_without_faults_loses_nothing() -> None:
    with simulated(1.0, []) as night:
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


@pytest.mark.slow
@examples(1, phases=FOUND)
@given(names=ORDERS, offsets=OFFSETS)
def test_all_faults_in_any_order_are_accounted_for(names: list[str], offsets: list[int]) -> None:
    with simulated(SHORT_HOURS, faults_of(names, SHORT_HOURS, offsets)) as night:
        check_accounts(night)


@pytest.mark.prove
@pytest.mark.timeout(3600)
@examples(100, phases=FOUND)
@given(names=ORDERS, offsets=OFFSETS)
def test_a_hundred_orders_of_faults_are_accounted_for(names: list[str], offsets: list[int]) -> None:
    with simulated(SHORT_HOURS, faults_of(names, SHORT_HOURS, offsets)) as night:
        check_accounts(night)
