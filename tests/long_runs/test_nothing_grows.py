"""For twenty minutes, or LONG_RUN_S seconds: no process of a station grows in the second half."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.long_runs.everything import run
from tests.harness.long_runs.slopes import seconds_of_a_run

SECONDS = seconds_of_a_run(default_s=1200.0)


@pytest.mark.prove
@pytest.mark.timeout(SECONDS + 1200)
def test_memory_threads_and_handles_of_every_part_do_not_grow(tmp_path: Path) -> None:
    found = run(tmp_path, SECONDS)
    print("\n".join(str(used) for used in found))
    assert not [str(used) for used in found if not used.is_flat]
