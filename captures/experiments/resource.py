"""Experiments as a resource, with the notes and attachments that are added to them, and what an experiment has of
each camera. Django-free."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool, model_validator

from cameras.resource import CameraFilter, Slug
from captures.experiments.states import MAX_NAME, ExperimentState
from captures.recordings.clips.answers import DeliveryBody
from core.api.queries import PageQuery
from core.registry import resolve
from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Flag, Id, Option, Seconds
from core.text.names import JOINERS, Line, Note
from core.times.timestamps import Moment, Stamp

MAX_TEXT, MAX_TAGS, MAX_ROLL_S = 20_000, 50, 3600.0
PLANNED = ("planned_start", "planned_end")
ROWS = ("cameras", "tags")
"""Fields with rows of their own."""


def checked_name(value: str) -> str:
    # Joiners alone cannot be seen either.
    if not set(value.strip()) - JOINERS:
        raise ValueError("Give it a name.")
    return value.strip()


def checked_text(value: str) -> str:
    if not value.strip():
        raise ValueError("Write something.")
    return value.strip()


def each_once(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("Name each of them once.")
    return values


Name = Annotated[Line, Field(max_length=MAX_NAME), AfterValidator(checked_name)]
Tag = Annotated[Line, Field(min_length=1, max_length=60)]
NAME: dict[str, Any] = {
    "title": "Name", "help": "What it is about, such as Dew on mirror 3.",
    "allowed": f"a name of 1 to {MAX_NAME} characters, in one line of plain text",
}  # fmt: skip
ROLL: dict[str, Any] = {"ge": 0, "le": MAX_ROLL_S, "allowed": f"0 to {MAX_ROLL_S / 60:.0f} min, such as 30 s"}


class ExperimentPlan(Fields):
    """What a person says of an experiment."""

    name: Name = field(**NAME)
    method: Annotated[Line, Field(max_length=200)] = field(
        "", title="Method", help="How it is done, or the protocol.",
        allowed="at most 200 characters, in one line of plain text",
    )  # fmt: skip
    description: Annotated[Note, Field(max_length=MAX_TEXT)] = field(
        "", title="Description", help="What others need to know.",
        allowed=f"at most {MAX_TEXT:,} characters of plain text",
    )  # fmt: skip
    operator: Annotated[Line, Field(min_length=1, max_length=150)] = field(
        None, title="Operator", help="It records in the name of this user; by default of the one who creates it.",
        allowed="the name of a user with the role operator",
    )  # fmt: skip
    tags: Annotated[
        list[Tag], Field(max_length=MAX_TAGS), AfterValidator(each_once), Column("tag_names"), Option("--tag")
    ] = field(
        [], title="Tags", help="Words to find it by.",
        allowed=f"at most {MAX_TAGS} tags of at most 60 characters, each once, with commas between them",
    )  # fmt: skip
    planned_start: Annotated[Moment | None, Option("--from", former="--begin")] = field(
        None, title="Planned start", help="It begins by itself then; without it, when somebody starts it."
    )
    planned_end: Annotated[Moment | None, Option("--until", former="--end")] = field(
        None, title="Planned end", help="It ends by itself then; without it, when somebody completes it."
    )
    record: Annotated[StrictBool, Flag("--record/--no-record")] = field(
        None, title="Record", help="Whether its cameras record by themselves."
    )
    pre_roll_s: Seconds = field(
        None, title="Pre-roll", help="Kept from before the start, of cameras that record rolling clips.", **ROLL
    )
    post_roll_s: Seconds = field(None, title="Post-roll", help="Recorded after the end.", **ROLL)
    still_interval_s: Seconds = field(
        None, title="Still each", help="From start to start of two stills, of cameras without a video stream.",
        ge=1, le=86_400, allowed="1 s to 24 h, such as 60 s",
    )  # fmt: skip


class ExperimentRequest(ExperimentPlan):
    """A new experiment. What is missing or null has the default of the station."""

    cameras: Annotated[
        list[Slug], Field(max_length=100), AfterValidator(each_once), Option("--camera")
    ] = field([], title="Cameras", help="Its cameras; by default the primary one.")  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        """A null clears a planned time; of any other field it means: not given."""
        if not isinstance(given, dict):
            return given
        optional = {name for name, about in cls.model_fields.items() if not about.is_required()} - {*PLANNED}
        return {name: value for name, value in given.items() if value is not None or name not in optional}

    @model_validator(mode="after")
    def _in_order(self) -> ExperimentRequest:
        if self.planned_start and self.planned_end and self.planned_start >= self.planned_end:
            raise ValueError("planned_start must be before planned_end.")
        return self

    def columns(self) -> dict[str, Any]:
        return {name: value for name, value in self.given().items() if name not in ROWS}


class ExperimentFields(ExperimentRequest):
    """Only the fields that are given change."""

    name: Name = field(None, **NAME)


class PlaceBody(Fields):
    """A camera of an experiment. `means` is what it contributes at present: `clips`, `stills`, `linked` (the captures
    of somebody's session), `nothing`, or empty before the start; `message` says why."""

    camera: Annotated[str, Column("camera.slug")]
    means: str
    message: str


class ExperimentFacts(ExperimentPlan):
    """`reason`: why it was aborted, or ended by itself."""

    id: Id
    planned_start: Stamp | None
    planned_end: Stamp | None
    state: str
    reason: str
    message: str
    started: Annotated[Stamp | None, Column("started_at")]
    started_by: str
    ended: Annotated[Stamp | None, Column("ended_at")]
    ended_by: str
    created: Annotated[Stamp, Column("created_at")]
    created_by: str


class ExperimentBody(ExperimentFacts):
    """`settled`: it has ended, and nothing is recorded for it any more. `cameras` has those that the user may see."""

    settled: bool
    cameras: Annotated[list[PlaceBody], Column("visible_places")]


class ReasonBody(Fields):
    """Why a person ends an experiment."""

    reason: Annotated[Note, Field(max_length=2000)] = field(
        "", title="Reason", help="It stands in the experiment and in the events.",
        allowed="at most 2,000 characters of plain text",
    )  # fmt: skip


class ReleasedBody(Fields):
    """How many clips were released."""

    clips: int


class NoteRequest(Fields):
    text: Annotated[Note, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(checked_text)] = field(
        title="Note", help="What is noted.", allowed=f"a note of at most {MAX_TEXT:,} characters of plain text"
    )
    at: Moment | None = field(None, title="Time", help="The time that it is about; now by default.")


class NoteBody(Fields):
    """`at` is the time that the note is about."""

    id: Id
    at: Stamp
    written: Annotated[Stamp, Column("written_at")]
    author: str
    text: str


class AttachmentRequest(Fields):
    label: Annotated[Line, Field(min_length=1, max_length=200)] = field(
        title="Label", help="What it is, such as Protocol.", allowed="1 to 200 characters, in one line of plain text"
    )
    reference: Annotated[Line, Field(min_length=1, max_length=2000)] = field(
        title="Reference", help="An address, a DOI, a path or a shelf mark. The station never opens it.",
        allowed="1 to 2,000 characters, in one line of plain text",
    )  # fmt: skip


class AttachmentBody(AttachmentRequest):
    id: Id
    added: Annotated[Stamp, Column("added_at")]
    added_by: str


class ExperimentQuery(PageQuery):
    camera: CameraFilter = None
    state: ExperimentState | None = field(None, help="Only experiments in this state.")
    tag: Tag | None = field(None, help="Only experiments with this tag.")
    operator: Annotated[Line, Field(max_length=150)] | None = field(None, help="Only experiments of this operator.")
    search: Annotated[Line, Field(max_length=MAX_NAME)] | None = field(
        None, help="A part of its name, its method or its description."
    )

    def filtered(self, rows: Any, user: Any) -> Any:
        # By its path: the description is read without Django.
        filtered = resolve("captures.experiments.selectors.filtered")
        return filtered(rows, user, **self.conditions(), camera=self.camera)


EXPERIMENTS = Resource(
    name="experiments",
    noun="experiment",
    path="experiments/",
    package="captures.experiments",
    rows="selectors.experiments_for",
    row="selectors.experiment_for",
    prepare="selectors.with_visible_places",
    service="service.ExperimentService",
    answer=ExperimentBody,
    operations=(
        Operation("list", "viewer", "List experiments, newest first.", query=ExperimentQuery),
        Operation("show", "viewer", "Show the experiment.", command=None),
        Operation(
            "add", "operator", "Create an experiment. It is planned; with a planned start it begins by itself then.",
            "create", ExperimentRequest, "{name} was created. Its id is {id}.", command="create", arguments=("name",),
            example='experiments create "Dew on mirror 3" -c sky -c dslr --tag dew --start',
        ),
        Operation(
            "change", "operator",
            "Change the fields that are given. Cameras and what decides what is recorded can be changed while it is "
            "planned, the planned end while it runs, the rest until it is archived.",
            "change", ExperimentFields, command=None,
        ),
        Operation(
            "start", "operator",
            "Start an experiment: its cameras record. Answers at once; the account says from when there is video. "
            "Starting twice changes nothing.",
            "start", said="The experiment runs.",
        ),
        Operation(
            "complete", "operator",
            "Complete an experiment. Its cameras record for the post-roll, then only for others that want it.",
            "complete", said="The experiment is completed.",
        ),
        Operation(
            "abort", "operator", "Abort an experiment, without a post-roll. What was recorded stays.", "abort",
            ReasonBody, "The experiment is aborted. What was recorded stays.",
        ),
        Operation(
            "release", "manager",
            "Release the clips of an experiment that has ended. Retention may delete them then. They still belong to "
            "the experiment.",
            "release", said="Released clips: {clips}.", answer=ReleasedBody,
        ),
        Operation(
            "notes", "operator", "Write a note on an experiment. Notes are never changed.", "add_note", NoteRequest,
            "Noted at {at}.", makes=True, command="note", arguments=("text",), answer=NoteBody,
        ),
        Operation(
            "attachments", "operator", "Attach a reference to something outside of the station.", "add_attachment",
            AttachmentRequest, "Attached {label}.", makes=True, command="attach", arguments=("label", "reference"),
            answer=AttachmentBody,
        ),
    ),
    commands="experiments",
    columns=(
        "id", "name", "state", ("cameras", "cameras.camera"), ("begins", "planned_start"), "started", "ended",
    ),
    empty="No experiment. `skycam experiments create NAME` creates one.",
)  # fmt: skip


class ExperimentSegmentBody(Fields):
    from_: Stamp = field(alias="from")
    to: Stamp
    clip: Id


class ExperimentGapBody(Fields):
    from_: Annotated[Stamp, Column("begin")] = field(alias="from")
    to: Annotated[Stamp, Column("end")]
    reason: str
    message: str
    by: str


class LinkBody(Fields):
    """A session whose captures belong to the experiment. `own`: it was started for it."""

    session: Annotated[Id, Column("session_id")]
    own: bool
    state: Annotated[str, Column("session.state")]


class ExperimentCaptureCounts(Fields):
    saved: int
    failed: int
    skipped: int


class CoverageBody(Fields):
    """`covered_s` of `length_s` seconds have video; `pending_s` are the newest ones, whose clip has not ended.
    `lost_frames` is null when it is unknown. The gaps of a camera without a stream are the times without stills."""

    length_s: float
    covered_s: float
    pending_s: float
    clips: int
    frames: int
    bytes: int
    lost_frames: int | None
    gaps: list[ExperimentGapBody]


class CameraAccount(DeliveryBody, CoverageBody, PlaceBody):
    """The rates and the holes are those of all its clips."""

    segments: list[ExperimentSegmentBody]
    captures: ExperimentCaptureCounts
    sessions: list[LinkBody]


class AccountBody(Fields):
    experiment: Id
    from_: Stamp | None = field(alias="from")
    to: Stamp | None
    cameras: list[CameraAccount]
    notes: list[NoteBody]
    attachments: list[AttachmentBody]
