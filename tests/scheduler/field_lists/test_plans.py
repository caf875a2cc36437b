"""The plan of a list's night: from its rows, with what was observed, and what an edited text changes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from scheduler.models import FieldList, Observation
from scheduler.telescope.field_lists.nights import evening_of
from scheduler.telescope.field_lists.plans import night_progress, preview_change
from scheduler.telescope.field_lists.resource import FieldListRequest
from scheduler.telescope.field_lists.service import FieldListService
from scheduler.telescope.night.sky import TelescopeSite, time_of

pytestmark = pytest.mark.django_db
LA_SILLA, EVENING = TelescopeSite(), date(2026, 11, 20)
AFTERNOON = datetime(2026, 11, 20, 20, tzinfo=UTC)
LINES = ["1.00 -25 Y 100 0 1 0 # sets early", "4.00 -40 Y 200 7200 2 3 # must be done", "2.00 60 Y 100 0 1 0 # never"]


@pytest.fixture
def tonight() -> FieldList:
    return FieldListService(None, "olga").add(FieldListRequest(name="tonight", text="\n".join(LINES)))


def names(found: FieldList, now: datetime | None = None) -> list[str]:
    plan = night_progress(found, EVENING, site=LA_SILLA, now=now).plan
    return [f"{one.field.comment.strip()} {one.number}" for one in plan.observations]


def observe_first(found: FieldList) -> datetime:
    """Store the first observation of the plan as made; returns when it began."""
    first = night_progress(found, EVENING, site=LA_SILLA).plan.observations[0]
    Observation.objects.create(
        capture_id="0193a000-0000-7000-8000-000000000001", field_list=found, field_key=first.field.id,
        number=first.number, observed_at=time_of(first.jd), jd=first.jd, lst_h=0.0, exposure_s=100.0, filename="x",
        selection=int(first.selection), reason=first.reason, interval_h=first.interval_h,
    )  # fmt: skip
    return time_of(first.jd)


def test_a_plan_has_the_whole_night(tonight: FieldList) -> None:
    assert names(tonight) == ["sets early 1", "must be done 1", "must be done 2"]


def test_the_rest_of_a_night_begins_with_what_was_observed(tonight: FieldList) -> None:
    began = observe_first(tonight)
    assert names(tonight, began) == ["must be done 1", "must be done 2"]


def test_a_field_that_is_never_observed_says_why(tonight: FieldList) -> None:
    (never,) = night_progress(tonight, EVENING, site=LA_SILLA).plan.never_observed
    assert never.reason.startswith("It never rises: ")


@pytest.mark.parametrize(
    ("hour", "evening"), [(20, date(2026, 11, 20)), (8, date(2026, 11, 19)), (3, date(2026, 11, 19))]
)
def test_a_night_is_from_noon_to_noon_of_the_site(hour: int, evening: date) -> None:
    assert evening_of(LA_SILLA, datetime(2026, 11, 20, hour, tzinfo=UTC)) == evening


def test_a_preview_says_what_changes_tonight(tonight: FieldList) -> None:
    text = "\n".join([LINES[1], "6.00 -30 Y 100 0 1 0 # new"])
    change = preview_change(tonight, text, EVENING, site=LA_SILLA, now=AFTERNOON)
    assert [field.comment for field in change.fields.added] == [" new"]
    assert [one.field.comment for one in change.added] == [" new"]
    assert [one.field.comment for one in change.removed] == [" sets early"]
    assert tonight.fields.count() == 3


def test_the_same_text_changes_nothing(tonight: FieldList) -> None:
    change = preview_change(tonight, tonight.text, EVENING, site=LA_SILLA, now=AFTERNOON)
    assert (change.fields.is_empty, change.added, change.removed, change.moved) == (True, (), (), ())
