"""Which run a test belongs to, by what it uses.

| tier | run by | tests |
|---|---|---|
| first | `make test` | all that take at most 3 s, and one or two whole stations for each promise |
| stations | `make test-stations` | all other tests of whole stations, and all that take longer |
| prove | `make prove` | long runs; the first tier is timed |

A property is checked with few examples by its run, and with all and a new seed by `make prove`.
"""

from __future__ import annotations

from enum import StrEnum

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import is_hypothesis_test

from tests.harness.runs.reach import reaches

LONGEST_S = 3.0
"""Of a test of the first tier, on a quiet machine. A long run measures it."""
MANY_SECONDS = frozenset({
    "tests.harness.stations.station.Station",
    "tests.harness.postgresql.start",
    "tests.harness.documents.project_copy.ProjectCopy",
})  # fmt: skip
"""What takes seconds to start. A test that uses one of them, however indirectly, is of the second tier."""
PROMISES = (
    "captures", "kills", "recording", "live", "dslr", "pixelink", "network", "nights", "experiments", "sensors",
    "telescope", "hosts", "postgresql", "browser", "service",
)  # fmt: skip
"""Each is shown by one or two whole stations in the first tier, which have the marker `promise`."""
MARKERS = (
    "prove: long runs, of `make prove`",
    "slow: takes longer than 3 s by itself, without a whole station",
    "generated: tries examples as a property does, though Hypothesis cannot tell",
    "promise(name): a whole station in the first tier, which shows one of PROMISES",
)


def further(*values: object) -> list[ParameterSet]:
    """Values of a parameter that only `make prove` tries: the other runs have one of their kind."""
    return [pytest.param(value, marks=pytest.mark.prove) for value in values]


class Tier(StrEnum):
    FIRST = "first"
    STATIONS = "stations"
    PROVE = "prove"


def tiers_of(item: pytest.Item) -> set[Tier]:
    if item.get_closest_marker("prove"):
        return {Tier.PROVE}
    if item.get_closest_marker("promise"):
        return {Tier.FIRST}
    tier = Tier.STATIONS if item.get_closest_marker("slow") or reaches(item, MANY_SECONDS) else Tier.FIRST
    return {tier, Tier.PROVE} if is_property(item) else {tier}


def is_property(item: pytest.Item) -> bool:
    return is_hypothesis_test(getattr(item, "obj", None)) or item.get_closest_marker("generated") is not None
