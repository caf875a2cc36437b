"""What the tests of the telescope's camera share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.far_ends.c_scheduler.build import CScheduler


@pytest.fixture
def c_scheduler(tmp_path: Path) -> CScheduler:
    return CScheduler(tmp_path)
