"""What the sources of a telescope's status get."""

from __future__ import annotations

import pytest

from cameras.telescope_status.sources import Site, SourceContext
from tests.harness.clocks.clock import SteppingClock

SITE = Site(latitude=-29.257, longitude=-70.7295, elevation=2347)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def context(clock: SteppingClock) -> SourceContext:
    return SourceContext(clock, SITE)
