"""docs/internals/spool.md matches the spool: its names, its numbers and its proof."""

from __future__ import annotations

import math
import re

import pytest

from cameras.runtime.exposure_runner import REMEMBERED
from cameras.runtime.storage_holder import REFILL_S
from cameras.spool import failpoints, full_disk, spool, storage
from cameras.supervision.desired_state import CLOCK_WAIT_S
from tests.harness.disks.spool_simulation import CUTS, steps_of_a_run
from tests.harness.documents.pages import page, section

PAGE = page("docs/internals/spool.md")


def simulated_lives(stride: int) -> str:
    """The number of simulated lives with this stride: two kills and the ingest at each step, and each cut."""
    return f"{math.ceil((steps_of_a_run() + 1) ** 3 * len(CUTS) / stride):,}"


@pytest.mark.parametrize("stride", [1, 5, 397, 2903])
def test_the_page_states_the_number_of_simulated_lives(stride: int) -> None:
    assert simulated_lives(stride) in section("docs/internals/spool.md", "Proof")


def test_the_page_names_the_failpoints_in_their_order() -> None:
    assert (
        tuple(re.findall(r"`(after_\w+)`", section("docs/internals/spool.md", "Failpoints"))) == failpoints.FAILPOINTS
    )


@pytest.mark.parametrize(
    "statement",
    [
        f"`{storage.MARKER}`",
        f"{spool.SLOTS} preallocated files of {spool.SLOT_BYTES // 1024} KiB",
        f"{spool.LARGE_SLOTS} slots of {spool.LARGE_SLOT_BYTES // 1024} KiB",
        f"every {REFILL_S:.0f} s",
        f"each second, {full_disk.MOST_TRIES} times",
        f"the last {REMEMBERED} ids",
        f"at most {CLOCK_WAIT_S:.0f} s",
    ],
)
def test_the_numbers_of_the_page_are_those_of_the_code(statement: str) -> None:
    assert statement in PAGE.replace("\n  ", " ").replace("\n", " ")
