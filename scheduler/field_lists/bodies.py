"""Field lists, plans and observations as JSON."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from django.utils import timezone

from cameras.drivers.telescope.field import FIELD_KINDS, SelectionCode
from cameras.selectors import hidden_cameras
from core.times.timestamps import stamp, stamp_or_none
from scheduler.field_lists.models import Field, FieldList, NightlyStart, Observation
from scheduler.field_lists.nightly_starts import problem_of
from scheduler.telescope.field_file import LineError, ListedField, format_field_line
from scheduler.telescope.field_lists import ChangedField
from scheduler.telescope.plan_bodies import PassedOverBody, PlannedBody, planned_body, reason_body
from scheduler.telescope.sky import time_of

if TYPE_CHECKING:
    from scheduler.field_lists.plans import NightProgress, PlanChange


class FieldListBody(TypedDict):
    id: str
    name: str
    revision: int
    fields: int
    archived: str | None
    created_by: str
    created: str
    changed_by: str
    changed: str


class NightlyStartBody(TypedDict):
    """`camera` is null for a user who may not see it."""

    camera: str | None
    rule: str
    clears: bool
    add_file: str
    created_by: str
    problem: str
    """Why the present night is not started; empty for one that is."""


class FieldListDetail(FieldListBody):
    text: str
    added_text: str
    nightly: NightlyStartBody | None
    """Null for a list whose nights a person starts."""


class FieldBody(TypedDict):
    key: str
    number: int
    line: int
    kind: str
    ra_h: float
    dec_deg: float
    exposure_s: float
    interval_s: float
    n_required: int
    survey: int
    comment: str
    is_added: bool


class ObservationEntry(TypedDict):
    capture: str
    field: str
    number: int
    observed: str
    jd: float
    lst_h: float
    ha_h: float | None
    airmass: float | None
    exposure_s: float
    filename: str
    selection: str
    reason: str


class NightPlanBody(TypedDict):
    evening: str
    rule: str
    sunset: str
    dark_begin: str
    dark_end: str
    sunrise: str
    moon_illumination: float
    observed: list[ObservationEntry]
    observations: list[PlannedBody]
    unfinished: list[PassedOverBody]
    """The fields of which not all is observed at the end, with the reason."""


class NextBody(TypedDict):
    next: PlannedBody | None
    passed_over: list[PassedOverBody]


class LineErrorBody(TypedDict):
    line: int
    column: str
    text: str
    message: str


class ChangedFieldBody(TypedDict):
    before: str
    after: str
    columns: list[str]


class MovedBody(TypedDict):
    before: PlannedBody
    after: PlannedBody


class FieldListPreview(TypedDict):
    errors: list[LineErrorBody]
    added: list[str]
    removed: list[str]
    changed: list[ChangedFieldBody]
    is_reordered: bool
    tonight_added: list[PlannedBody]
    tonight_removed: list[PlannedBody]
    tonight_moved: list[MovedBody]


def field_list_url(found: object) -> str:
    return f"/api/v1/telescope/field-lists/{found}/"


def field_list_body(found: FieldList, fields: int) -> FieldListBody:
    return FieldListBody(
        id=str(found.pk),
        name=found.name,
        revision=found.revision,
        fields=fields,
        archived=stamp_or_none(found.archived_at),
        created_by=found.created_by,
        created=stamp(found.created_at),
        changed_by=found.changed_by,
        changed=stamp(found.changed_at),
    )


def field_list_detail(found: FieldList, user: Any) -> FieldListDetail:
    """As the user may see it."""
    body = field_list_body(found, found.fields.count())
    nightly = NightlyStart.objects.filter(field_list=found).select_related("camera").first()
    shown = nightly_start_body(nightly, user) if nightly else None
    return FieldListDetail(**body, text=found.text, added_text=found.added_text, nightly=shown)


def nightly_start_body(nightly: NightlyStart, user: Any) -> NightlyStartBody:
    is_shown = nightly.camera not in hidden_cameras(user)
    return NightlyStartBody(
        camera=nightly.camera.slug if is_shown else None,
        rule=nightly.options["rule"],
        clears=nightly.options["clears"],
        add_file=nightly.options["add_file"] if is_shown else "",
        created_by=nightly.created_by,
        problem=problem_of(nightly, timezone.now()) if is_shown else "",
    )


def field_body(field: Field) -> FieldBody:
    return FieldBody(
        key=field.key, number=field.number, line=field.line, kind=FIELD_KINDS[field.kind].image_type, ra_h=field.ra_h,
        dec_deg=field.dec_deg, exposure_s=field.exposure_s, interval_s=field.interval_s, n_required=field.n_required,
        survey=field.survey, comment=field.comment.strip(), is_added=field.is_added,
    )  # fmt: skip


def observation_body(one: Observation) -> ObservationEntry:
    return ObservationEntry(
        capture=str(one.capture_id), field=one.field_key, number=one.number, observed=stamp(one.observed_at), jd=one.jd,
        lst_h=one.lst_h, ha_h=one.ha_h, airmass=one.airmass, exposure_s=one.exposure_s, filename=one.filename,
        selection=SelectionCode(one.selection).name, reason=one.reason,
    )  # fmt: skip


def plan_body(progress: NightProgress, hidden: AbstractSet[UUID] = frozenset()) -> NightPlanBody:
    """`hidden`: captures that the user may not see."""
    night, plan = progress.night, progress.plan
    return NightPlanBody(
        evening=night.date.isoformat(),
        rule=plan.options.rule,
        sunset=stamp(time_of(night.sunset)),
        dark_begin=stamp(time_of(night.begin)),
        dark_end=stamp(time_of(night.end)),
        sunrise=stamp(time_of(night.sunrise)),
        moon_illumination=round(night.moon_illumination, 3),
        observed=[observation_body(one) for one in progress.observed if one.capture_id not in hidden],
        observations=[planned_body(one) for one in plan.observations],
        unfinished=[reason_body(one) for one in plan.unfinished],
    )


def next_body(progress: NightProgress) -> NextBody:
    if progress.next is None:
        return NextBody(next=None, passed_over=[reason_body(one) for one in progress.plan.unfinished])
    passed_over = progress.plan.choice(0).passed_over()
    return NextBody(next=planned_body(progress.next), passed_over=[reason_body(one) for one in passed_over])


def line_error_body(error: LineError) -> LineErrorBody:
    return LineErrorBody(line=error.line, column=error.column, text=error.text, message=error.message)


def preview_body(errors: tuple[LineError, ...], change: PlanChange) -> FieldListPreview:
    diff = change.fields
    return FieldListPreview(
        errors=[line_error_body(error) for error in errors],
        added=_lines(diff.added),
        removed=_lines(diff.removed),
        changed=[_changed_body(one) for one in diff.changed],
        is_reordered=diff.is_reordered,
        tonight_added=[planned_body(one) for one in change.added],
        tonight_removed=[planned_body(one) for one in change.removed],
        tonight_moved=[
            MovedBody(before=planned_body(before), after=planned_body(after)) for before, after in change.moved
        ],
    )


def _lines(fields: tuple[ListedField, ...]) -> list[str]:
    return [format_field_line(field) for field in fields]


def _changed_body(one: ChangedField) -> ChangedFieldBody:
    before, after = format_field_line(one.old), format_field_line(one.new)
    return ChangedFieldBody(before=before, after=after, columns=[*one.columns])
