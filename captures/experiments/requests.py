"""The bodies of requests about experiments, validated before a row is written."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, field_validator, model_validator

from cameras.visibility import CameraFilter
from captures.experiments.models import MAX_NAME, ExperimentState
from core.api.model import StrictModel
from core.api.queries import PageQuery
from core.text.names import JOINERS, Line, Note
from core.times.moments import Moment

MAX_ROLL_S, MAX_CAMERAS, MAX_TAGS = 3600.0, 100, 50
MAX_TEXT = 20_000
Seconds = Annotated[float, Field(ge=0, le=MAX_ROLL_S)]
Interval = Annotated[float, Field(ge=1, le=86_400)]


def _name(value: str) -> str:
    # Joiners alone cannot be seen either.
    if not set(value.strip()) - JOINERS:
        raise ValueError("Give it a name.")
    return value.strip()


Name = Annotated[Line, Field(max_length=MAX_NAME), AfterValidator(_name)]
Tag = Annotated[Line, Field(min_length=1, max_length=60)]
Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]


class ExperimentFields(StrictModel):
    """What may be given of an experiment. None: not given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name | None = None
    method: Annotated[Line, Field(max_length=200)] | None = None
    description: Annotated[Note, Field(max_length=MAX_TEXT)] | None = None
    operator: Annotated[
        Annotated[Line, Field(min_length=1, max_length=150)] | None,
        Field(description="The user in whose name it records; by default the one who creates it."),
    ] = None
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)] | None = None
    cameras: Annotated[
        Annotated[list[Slug], Field(max_length=MAX_CAMERAS)] | None,
        Field(description="By default the primary camera."),
    ] = None
    planned_start: Annotated[Moment | None, Field(description="It begins by itself then.")] = None
    planned_end: Annotated[Moment | None, Field(description="It is completed by itself then.")] = None
    record: Annotated[StrictBool | None, Field(description="Whether its cameras record by themselves.")] = None
    pre_roll_s: Annotated[Seconds | None, Field(description="Seconds before the start, from rolling clips.")] = None
    post_roll_s: Annotated[Seconds | None, Field(description="Seconds that are recorded after the end.")] = None
    still_interval_s: Annotated[
        Interval | None, Field(description="Of cameras without a stream: from start to start of two stills.")
    ] = None

    @field_validator("cameras", "tags")
    @classmethod
    def _once(cls, values: list[str] | None) -> list[str] | None:
        if values is not None and len(set(values)) < len(values):
            raise ValueError("Name each of them once.")
        return values

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.planned_start and self.planned_end and self.planned_start >= self.planned_end:
            raise ValueError("planned_start must be before planned_end.")
        return self

    def columns(self) -> dict[str, Any]:
        """The given columns. A null clears a planned time; of any other field it means: not given."""
        given = {name: getattr(self, name) for name in self.model_fields_set if name not in ROWS}
        return {name: value for name, value in given.items() if value is not None or name in PLANNED}


PLANNED = ("planned_start", "planned_end")
ROWS = ("cameras", "tags")
"""Fields with rows of their own."""


class ExperimentRequest(ExperimentFields):
    name: Name


class ReasonBody(StrictModel):
    """Why a person ends an experiment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[Note, Field(max_length=2000)] = ""


class NoteRequest(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[Note, Field(min_length=1, max_length=MAX_TEXT)]
    at: Annotated[Moment | None, Field(description="The time that it is about; now by default.")] = None

    @field_validator("text")
    @classmethod
    def _written(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("Write something.")
        return text.strip()


class AttachmentRequest(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Annotated[Line, Field(min_length=1, max_length=200)]
    reference: Annotated[
        Annotated[Line, Field(min_length=1, max_length=2000)],
        Field(description="An address, a DOI, a path or a shelf mark. The station never opens it."),
    ]


class ExperimentQuery(PageQuery):
    camera: CameraFilter = None
    state: ExperimentState | None = None
    tag: Annotated[Tag | None, Field(exclude=True)] = None
    operator: Annotated[Line, Field(max_length=150)] | None = None
    search: Annotated[
        Annotated[Line, Field(max_length=MAX_NAME)] | None,
        Field(exclude=True, description="A part of its name, its method or its description."),
    ] = None
