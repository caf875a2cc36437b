"""How many examples of a property are tried: few in the first tier, and all in the others."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import HealthCheck, settings

from tests.harness.runs.tiers import Tier

FEW = 15
CHECKS_OF_HYPOTHESIS = [check for check in HealthCheck if check is not HealthCheck.filter_too_much]
"""Left out: a busy machine is too slow for them, and the fixtures of a test are the same for all of its examples."""


def load_profile(tier: Tier | None) -> None:
    """Before the first test is collected. A new seed in `make prove`; elsewhere always the same examples."""
    # A busy machine may pause a test for longer than the time that Hypothesis allows for an example.
    quiet = {"deadline": None, "suppress_health_check": CHECKS_OF_HYPOTHESIS}
    settings.register_profile(Tier.FIRST, max_examples=FEW, derandomize=True, **quiet)
    settings.register_profile(Tier.STATIONS, derandomize=True, **quiet)
    settings.register_profile(Tier.PROVE, print_blob=True, **quiet)
    settings.load_profile(tier or Tier.STATIONS)


def examples(most: int, few: int = FEW, **options: Any) -> hypothesis.settings:
    """The decorator of a property that is tried with `most` examples, and with `few` in the first tier."""
    is_first = settings.get_current_profile_name() == Tier.FIRST
    return settings(max_examples=min(most, few) if is_first else most, **options)
