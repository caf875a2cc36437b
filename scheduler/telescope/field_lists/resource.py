"""A telescope's field lists as a resource, with what requests say about lists, plans and observations, and their
answers. The text of a list comes from files, so that its pages and commands are by hand."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, PlainSerializer

from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Id
from core.text.names import Line
from core.times.timestamps import Stamp
from scheduler.telescope.driver.field import FIELD_KINDS, SelectionCode
from scheduler.telescope.night.field_file import MAX_CHARACTERS, format_field_line
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.plan_bodies import PassedOverBody, PlanBody, PlannedBody, Stripped


def check_name(name: str) -> str:
    if not name.strip():
        raise ValueError("must not be empty.")
    return name.strip()


Name = Annotated[Line, Field(min_length=1, max_length=60), AfterValidator(check_name)]
# The parser says where a text is wrong; this bound is for what it refuses to read.
FileText = Annotated[str, Field(max_length=MAX_CHARACTERS + 1)]
Evening = Annotated[date | None, Field(strict=False, description="The date of the evening; that of the present night.")]


class Request(Fields):
    # What is not known was always ignored here.
    model_config = ConfigDict(extra="ignore")


class FieldListRequest(Request):
    name: Name = field(title="Name", help="Name of the list, unique without regard to case.")
    text: FileText = field("", title="Fields", help="The text of a field file.")


class FieldListChange(Request):
    """What is missing stays as it is."""

    name: Name | None = field(None, title="Name", help="Name of the list, unique without regard to case.")
    text: FileText | None = field(None, title="Fields", help="The text of a field file.")
    added_text: FileText | None = field(
        None, title="Added", help="What was added for a night. An empty text takes it back."
    )
    archived: bool | None = field(None, title="Archived", help="Whether it is archived.")
    revision: Annotated[int, Field(ge=1)] | None = field(
        None, title="Revision", help="That of the list that was changed; another one by now is refused."
    )


class FieldText(Request):
    text: FileText


class NightOptions(Request):
    """How the nights of a list are observed."""

    camera: Annotated[str, Field(max_length=40)]
    rule: Rule = field("priority", help="`sequential`: in the order of the list.")
    clears: bool = field(True, help="Clear the CCDs after a pause.")
    add_file: Annotated[Line, Field(max_length=500)] = field(
        "", help="The full path of an `.add` file on the camera's host, in a folder of the setting `sources`. Its "
        "fields are added while the night runs.",
    )  # fmt: skip


class ObserveRequest(NightOptions):
    evening: Evening = None
    start_over: bool = field(
        False, help="Observe again what was observed in this night. Otherwise the night is continued."
    )
    name: Annotated[Line, Field(max_length=120)] = ""


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


FIELD_LISTS = Resource(
    name="field_lists",
    noun="field_list",  # as the parameter of the routes that are by hand
    path="telescope/field-lists/",
    package="scheduler.telescope.field_lists",
    service="service.FieldListService",
    rows="selectors.lists_for",
    row="selectors.list_for",
    prepare="selectors.with_nights",
    answer=FieldListBody,
    operations=(
        Operation("list", "viewer", "List all field lists by name, with those that are archived."),
        Operation("show", "viewer", "Show the list.", answer=FieldListDetail),
        Operation(
            "add", "operator", "Add a list. All lines that are wrong are named at once.", "add", FieldListRequest,
            answer=FieldListDetail,
        ),
        Operation(
            "change", "operator", "Change what is given. A night that runs takes the list over before its next choice.",
            "change", FieldListChange, answer=FieldListDetail,
        ),
        Operation(
            "remove", "operator", "Archive the list: what was observed from it stays. PATCH with `archived` false "
            "restores it.", "archive",
        ),
    ),
    columns=("name", "revision", "fields", "archived", "changed"),
)  # fmt: skip
