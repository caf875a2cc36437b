"""The spool protocol under a kill or a power cut between any two calls of capture, ingest and recovery."""

from __future__ import annotations

from functools import partial

import pytest

from cameras.runtime.file_formats import KEEP_FORMATS
from tests.harness.disks.spool_simulation import Station, failed_runs, runs, until_killed

LONG = (pytest.mark.prove, pytest.mark.timeout(3600))


def strides(few: int, more: int) -> pytest.MarkDecorator:
    """Of all possible runs one in `few` is made, about a thousand, and one in `more` in a long run. A thousand find
    each missing sync and each missing removal that the others find."""
    return pytest.mark.parametrize(
        "stride", [few, pytest.param(397, marks=pytest.mark.slow), pytest.param(more, marks=LONG)]
    )


def test_a_run_without_a_kill_ends_with_every_outcome_in_the_database() -> None:
    station = Station()
    until_killed(station, None, None, None)
    assert station.inconsistencies() == []


@strides(2903, 5)
def test_no_kill_or_power_cut_between_two_calls_loses_or_repeats_a_capture(stride: int) -> None:
    assert failed_runs(runs(stride))[:3] == []


@strides(5003, 1009)
def test_no_kill_or_power_cut_loses_one_of_the_four_files_of_a_capture(stride: int) -> None:
    make = partial(Station, kinds=list(KEEP_FORMATS))
    assert failed_runs(runs(stride, make), make)[:3] == []


@strides(3511, 997)
def test_no_kill_or_power_cut_loses_a_capture_whose_files_stay_with_the_camera(stride: int) -> None:
    make = partial(Station, kinds=[])
    assert failed_runs(runs(stride, make), make)[:3] == []


@strides(3001, 5)
def test_no_kill_or_power_cut_loses_or_repeats_one_of_two_captures_that_are_planned_at_once(stride: int) -> None:
    make = partial(Station, overlaps=True)
    assert failed_runs(runs(stride, make), make)[:3] == []
