"""A clock that the test shares with the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.clocks.shared_time import SharedTime


@pytest.fixture
def clock() -> Iterator[SharedTime]:
    with SharedTime() as clock:
        yield clock
