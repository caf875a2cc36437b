"""docs/operating/rehearsing.md: the exposures of a night are those of the simulated camera's pictures."""

from __future__ import annotations

from tests.harness.documents.night_exposures import table
from tests.harness.documents.pages import page


def test_the_exposures_of_a_night_are_those_measured() -> None:
    assert table() in page("docs/operating/rehearsing.md")
