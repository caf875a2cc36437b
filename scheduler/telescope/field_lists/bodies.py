"""The answers for field lists, plans and observations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainSerializer

from core.resources.fields import Fields
from core.resources.values import Column, Id
from core.times.moments import Stamp
from scheduler.telescope.driver.field import FIELD_KINDS, SelectionCode
from scheduler.telescope.night.field_file import format_field_line
from scheduler.telescope.night.plan_bodies import PassedOverBody, PlanBody, PlannedBody, Stripped

FieldLine = Annotated[Any, PlainSerializer(format_field_line, return_type=str)]
ImageType = Annotated[int, PlainSerializer(lambda code: FIELD_KINDS[code].image_type, return_type=str)]
Selection = Annotated[int, PlainSerializer(lambda code: SelectionCode(code).name, return_type=str)]


class FieldListBody(Fields):
    id: Annotated[Id, Column("pk")]
    name: str
    revision: int
    fields: Annotated[int, Column("size")]
    archived: Annotated[Stamp | None, Column("archived_at")]
    created_by: str
    created: Annotated[Stamp, Column("created_at")]
    changed_by: str
    changed: Annotated[Stamp, Column("changed_at")]


class NightlyStartBody(Fields):
    """`camera` is null for a user who may not see it."""

    camera: str | None
    rule: str
    clears: bool
    add_file: str
    created_by: Annotated[str, Column("row.created_by")]
    problem: str
    """Why the present night is not started; empty for one that is."""


class FieldListDetail(FieldListBody):
    text: str
    added_text: str
    nightly: NightlyStartBody | None
    """Null for a list whose nights a person starts."""


class FieldBody(Fields):
    key: str
    number: int
    line: int
    kind: ImageType
    ra_h: float
    dec_deg: float
    exposure_s: float
    interval_s: float
    n_required: int
    survey: int
    comment: Stripped
    is_added: bool


class FieldsBody(Fields):
    results: list[FieldBody]


class ObservationEntry(Fields):
    capture: Annotated[Id, Column("capture_id")]
    field: Annotated[str, Column("field_key")]
    number: int
    observed: Annotated[Stamp, Column("observed_at")]
    jd: float
    lst_h: float
    ha_h: float | None
    airmass: float | None
    exposure_s: float
    filename: str
    selection: Selection
    reason: str


class ObservationList(Fields):
    results: list[ObservationEntry]


class NightPlanBody(PlanBody):
    observed: list[ObservationEntry]


class NextBody(Fields):
    next: PlannedBody | None
    passed_over: list[PassedOverBody]


class LineErrorBody(Fields):
    line: int
    column: str
    text: str
    message: str


class ChangedFieldBody(Fields):
    before: Annotated[FieldLine, Column("old")]
    after: Annotated[FieldLine, Column("new")]
    columns: tuple[str, ...]


class MovedBody(Fields):
    before: PlannedBody
    after: PlannedBody


class FieldListPreview(Fields):
    errors: list[LineErrorBody]
    added: Annotated[tuple[FieldLine, ...], Column("fields.added")]
    removed: Annotated[tuple[FieldLine, ...], Column("fields.removed")]
    changed: Annotated[list[ChangedFieldBody], Column("fields.changed")]
    is_reordered: Annotated[bool, Column("fields.is_reordered")]
    tonight_added: Annotated[list[PlannedBody], Column("added")]
    tonight_removed: Annotated[list[PlannedBody], Column("removed")]
    tonight_moved: Annotated[list[MovedBody], Column("moved")]
