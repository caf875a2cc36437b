"""The tier of a test follows from what it uses."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.runs.tiers import PROMISES, Tier, tiers_of
from tests.harness.stations.station import Station

MARKED = re.compile(r'mark\.promise\("(\w+)"\)')


class Observatory(Station):
    """A station, as some modules make their own."""


def started(folder: Path) -> Station:
    return Observatory(folder)


class UsesAStation:
    @property
    def station(self) -> Station:
        return started(Path())


@pytest.fixture
def a_station() -> Station:
    return started(Path())


@pytest.fixture
def beside(a_station: Station) -> None: ...


def quick() -> None: ...


def with_a_station(tmp_path: Path) -> None:
    started(tmp_path)


def with_a_class() -> None:
    UsesAStation()


def with_an_inner_function() -> None:
    def make() -> Any:
        return Station(Path())

    make()


def with_an_import() -> None:
    from tests.harness.scenarios.two_hosts import two_hosts

    two_hosts(Path())


def with_a_fixture(beside: None) -> None: ...


def with_postgresql() -> None:
    with postgresql():
        pass


@pytest.mark.slow
def slow() -> None: ...


@pytest.mark.prove
def long() -> None:
    Station(Path())


@pytest.mark.promise("kills")
def promised(beside: None) -> None: ...


@given(st.none())
def a_property(value: None) -> None: ...


@given(st.none())
def a_property_of_stations(value: None) -> None:
    Station(Path())


@pytest.mark.generated
def generated() -> None: ...


TIERS: dict[Any, set[Tier]] = {
    quick: {Tier.FIRST},
    with_a_station: {Tier.STATIONS},
    with_a_class: {Tier.STATIONS},
    with_an_inner_function: {Tier.STATIONS},
    with_an_import: {Tier.STATIONS},
    with_a_fixture: {Tier.STATIONS},
    with_postgresql: {Tier.STATIONS},
    slow: {Tier.STATIONS},
    long: {Tier.PROVE},
    promised: {Tier.FIRST},
    a_property: {Tier.FIRST, Tier.PROVE},
    a_property_of_stations: {Tier.STATIONS, Tier.PROVE},
    generated: {Tier.FIRST, Tier.PROVE},
}


@pytest.mark.parametrize("function", TIERS, ids=lambda function: function.__name__)
def test_the_tier_follows_from_what_is_used(function: Any, request: pytest.FixtureRequest) -> None:
    item = pytest.Function.from_parent(request.node.parent, name=function.__name__, callobj=function)
    assert tiers_of(item) == TIERS[function]


def test_each_promise_is_shown_by_one_or_two_whole_stations() -> None:
    sources = [path.read_text() for path in (PROJECT / "tests").rglob("test_*.py") if path != Path(__file__)]
    shown = Counter(name for source in sources for name in MARKED.findall(source))
    assert set(shown) == set(PROMISES)
    assert {name: count for name, count in shown.items() if count > 2} == {}
