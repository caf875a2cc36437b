"""Parameters of lists: what the API refuses, a page leaves out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from core.api.queries import TimeQuery

TO = datetime(2026, 3, 28, 20, tzinfo=UTC)


class ShipQuery(TimeQuery):
    harbour: str | None = None
    masts: int | None = None


@pytest.mark.parametrize(
    "given",
    [
        {"harbour": "Kiel"},
        {"harbour": "Kiel", "masts": ""},
        {"harbour": "Kiel", "masts": "many"},
        {"harbour": "Kiel", "sails": "3"},
        {"harbour": "Kiel", "from": "yesterday", "limit": "0"},
    ],
)
def test_a_page_leaves_out_what_is_empty_unknown_or_invalid(given: dict[str, str]) -> None:
    assert ShipQuery.lenient(given).conditions() == {"harbour": "Kiel"}


def test_parameters_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="`from` must be before `to`"):
        ShipQuery.lenient({"from": "2026-03-29T00:00:00Z", "to": "2026-03-28T00:00:00Z"})


def test_paging_and_the_ends_of_a_time_are_no_conditions() -> None:
    query = ShipQuery.lenient({"masts": "3", "to": "2026-03-28T20:00:00Z", "limit": "5"})
    assert query.conditions() == {"masts": 3}
    assert query.within("sailed_at") == {"sailed_at__lt": TO}
