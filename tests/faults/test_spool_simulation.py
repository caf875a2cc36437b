"""The spool protocol under a kill or a power cut between any two calls of capture, ingest and recovery."""

from __future__ import annotations

from functools import partial

import pytest

from cameras.runtime.file_formats import KEEP_FORMATS
from tests.harness.disks.spool_simulation import Station, failed_runs, runs, until_killed


def test_a_run_without_a_kill_ends_with_every_outcome_in_the_database() -> None:
    station = Station()
    until_killed(station, None, None, None)
    assert station.inconsistencies() == []


def test_no_kill_or_power_cut_between_two_calls_loses_or_repeats_a_capture() -> None:
    assert failed_runs(runs(stride=397))[:3] == []


def test_no_kill_or_power_cut_loses_one_of_the_four_files_of_a_capture() -> None:
    make = partial(Station, kinds=list(KEEP_FORMATS))
    assert failed_runs(runs(1009, make), make)[:3] == []


def test_no_kill_or_power_cut_loses_a_capture_whose_files_stay_with_the_camera() -> None:
    make = partial(Station, kinds=[])
    assert failed_runs(runs(997, make), make)[:3] == []


def test_no_kill_or_power_cut_loses_or_repeats_one_of_two_captures_that_are_planned_at_once() -> None:
    make = partial(Station, overlaps=True)
    assert failed_runs(runs(397, make), make)[:3] == []


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_half_a_million_kills_lose_or_repeat_no_capture() -> None:
    assert failed_runs(runs(stride=5))[:3] == []


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_half_a_million_kills_lose_or_repeat_no_capture_of_two_that_are_planned_at_once() -> None:
    make = partial(Station, overlaps=True)
    assert failed_runs(runs(5, make), make)[:3] == []
