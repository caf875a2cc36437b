"""The plan of a list's night, from its rows: what was observed, what comes next, and why.

It needs NumPy, which starts threads: web processes import it with the first plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from scheduler.telescope.field_lists.models import FieldList, Observation
from scheduler.telescope.field_lists.nights import (
    content_of,
    earlier_observation,
    listed_fields,
    night_at,
    observations_of_night,
)
from scheduler.telescope.night.field_file import LineError, ListedField, parse_field_file
from scheduler.telescope.night.field_lists import FieldDiff, diff_fields, load_list
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.night_plan import NightPlan, PlannedObservation, PlanOptions, plan_rest
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.progress import FieldState, after_observations, begin_night
from scheduler.telescope.night.rules import PassedOver
from scheduler.telescope.night.sky import TelescopeSite, julian_date


@dataclass(frozen=True, slots=True)
class NightProgress:
    """A night of a list as it is: what was observed, and the plan of what follows."""

    night: Night
    states: tuple[FieldState, ...]
    observed: tuple[Observation, ...]
    plan: NightPlan

    @property
    def next(self) -> PlannedObservation | None:
        return self.plan.observations[0] if self.plan.observations else None

    @property
    def passed_over(self) -> Sequence[PassedOver]:
        """By the next choice; without one, what stays unfinished."""
        return self.plan.unfinished if self.next is None else self.plan.choice(0).passed_over()


def night_progress(
    found: FieldList,
    evening: date,
    *,
    site: TelescopeSite,
    rule: Rule = "priority",
    now: datetime | None = None,
    fields: Sequence[ListedField] | None = None,
) -> NightProgress:
    """The night from sunset on, or from `now` on with what was observed until then. `fields` are planned in place of
    those of the list."""
    night = night_at(site, evening)
    states = begin_night(listed_fields(found) if fields is None else fields, night, night.sunset)
    observed: tuple[Observation, ...] = ()
    jd, previous = night.sunset, None
    if now is not None:
        observed = tuple(observations_of_night(found, night))
        # As the camera process counts them.
        states = after_observations(states, map(earlier_observation, observed), night)
        jd, previous = julian_date(now), observed[-1].field_key if observed else None
    plan = plan_rest(states, night, jd, previous=previous, options=PlanOptions(rule=rule))
    return NightProgress(night, states, observed, plan)


class Moved(NamedTuple):
    before: PlannedObservation
    after: PlannedObservation


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What an edited list changes: its fields, and the rest of the night. `errors`: the lines that are wrong."""

    errors: tuple[LineError, ...]
    fields: FieldDiff
    added: tuple[PlannedObservation, ...]
    """Observations that only the new plan has."""
    removed: tuple[PlannedObservation, ...]
    moved: tuple[Moved, ...]
    """The same observation, before and after, more than a minute apart."""


def preview_change(found: FieldList, text: str, evening: date, *, site: TelescopeSite, now: datetime) -> PlanChange:
    """For the rest of the night if it has begun, else for the whole of it. Lines that are wrong count for nothing."""
    content = replace(content_of(found), text=text)
    old, new = listed_fields(found), load_list(content).fields
    begun = now if julian_date(now) > night_at(site, evening).sunset else None
    before, after = (
        night_progress(found, evening, site=site, now=begun, fields=fields).plan.observations for fields in (old, new)
    )
    by_key = {(one.field.id, one.number): one for one in before}
    kept = [(by_key.pop((one.field.id, one.number), None), one) for one in after]
    return PlanChange(
        parse_field_file(text).errors,
        diff_fields(old, new),
        added=tuple(one for earlier, one in kept if earlier is None),
        removed=tuple(by_key.values()),
        moved=tuple(
            Moved(earlier, one) for earlier, one in kept if earlier is not None and abs(earlier.jd - one.jd) > 1 / 1440
        ),
    )
