"""A planned run on a running station, while everything goes wrong that goes wrong in a night."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.nights.night_of_faults import NightOfFaults
from tests.harness.nights.station_faults import FAULTS, HOUR_S
from tests.harness.nights.station_night import StationNight, station_night
from tests.harness.stations.outside_broker import Broker

SEEDS = [20270107, *range(1, 6)]
ALWAYS_LOST = {reason for fault in FAULTS.values() if fault.always_costs for reason in fault.reasons}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[StationNight]:
    with station_night(tmp_path_factory.mktemp("night"), broker) as night:
        yield night


@pytest.mark.prove
@pytest.mark.parametrize("seed", SEEDS)
def test_each_capture_of_a_night_with_all_faults_has_one_outcome_that_its_faults_explain(
    night: StationNight, seed: int
) -> None:
    faults = NightOfFaults(night, seed)
    faults.happen()
    run = night.run
    run.eventually_settled()
    print(faults.story())
    ledger = run.assert_accounted_for()
    indices = [index for index, _, _ in run.captures()]
    indices += [loss.index for loss in run.losses() if loss.kind == "gap"]
    assert sorted(indices) == list(range(ledger["planned"]))
    assert faults.unexplained() == []
    assert {loss.reason for loss in run.losses()} >= ALWAYS_LOST
    assert min(run.clock_jumps_s()) == pytest.approx(-HOUR_S, abs=60)
    assert night.station.spools.inconsistencies() == []
