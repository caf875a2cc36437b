"""How many examples of a property are tried: few in the first tier, and all in the others."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import HealthCheck, settings

from tests.harness.runs.tiers import Tier

FEW = 15
SLOW_MACHINES = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]


def load_profile(tier: Tier | None) -> None:
    """Before the first test is collected. A new seed in `make prove`; elsewhere always the same examples."""
    # A busy machine may pause a test for longer than the time that Hypothesis allows for an example.
    quiet = {"deadline": None, "suppress_health_check": SLOW_MACHINES}
    settings.register_profile("first", max_examples=FEW, derandomize=True, **quiet)
    settings.register_profile("stations", derandomize=True, **quiet)
    settings.register_profile("prove", print_blob=True, **quiet)
    settings.load_profile(tier or Tier.STATIONS)


def examples(most: int, **options: Any) -> hypothesis.settings:
    """The decorator of a property that is tried with `most` examples, where all are tried."""
    return settings(max_examples=min(most, settings.default.max_examples) if is_first() else most, **options)


def is_first() -> bool:
    return settings.default.max_examples == FEW
