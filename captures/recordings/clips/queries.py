"""Query parameters and bodies of requests about clips."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool, model_validator

from cameras.camera_filter import CameraFilter, Slug
from captures.recordings.clips.models import ClipKind
from core.api.model import StrictModel
from core.api.queries import Query, TimeQuery
from core.times.moments import Moment

MAX_STEPS = 2000
"""The most steps of a time-line: few screens have more pixels."""


class ClipQuery(TimeQuery):
    """`from` and `to`: clips that show a part of that time."""

    camera: CameraFilter = None
    kind: ClipKind | None = None
    experiment: UUID | None = None
    pinned: bool | None = None
    interrupted: bool | None = None
    simulated: bool | None = None


class ClipFileQuery(Query):
    download: Annotated[bool, Field(description="Offer the file for saving instead of showing it.")] = False
    form: Annotated[
        Literal["faststart"] | None,
        Field(description="faststart: with an index in front, so that players open and seek it at once."),
    ] = None


class PinBody(StrictModel):
    model_config = ConfigDict(extra="forbid")

    pinned: Annotated[StrictBool, Field(description="Nothing deletes a pinned clip.")]


class TimelineQuery(Query):
    camera: Slug
    from_: Annotated[Moment, Field(alias="from")]
    to: Moment
    step: Annotated[
        float | None,
        Field(
            # A timedelta has whole microseconds: a shorter step would be 0, and the division below would fail. A larger
            # one, infinity or NaN could be no timedelta.
            ge=1e-6, le=86_400 * 366, allow_inf_nan=False,
            description=f"Seconds per pixel: segments that are closer together are merged. At most "
            f"{MAX_STEPS} steps fit into the requested time, which is the default.",
        ),
    ] = None  # fmt: skip

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("`from` must be before `to`.")
        # Anyone who may view can send this: the limit bounds the SQL, which has a row for each step.
        if self.step and (self.to - self.from_) / timedelta(seconds=self.step) > MAX_STEPS:
            raise ValueError(
                f"More than {MAX_STEPS} steps from `from` to `to`. Choose a longer step or a shorter time."
            )
        return self

    @property
    def width(self) -> timedelta:
        """The length of a step."""
        if self.step:
            return timedelta(seconds=self.step)
        return max((self.to - self.from_) / MAX_STEPS, timedelta(microseconds=1))

    @property
    def ends(self) -> tuple[datetime, datetime]:
        return self.from_, self.to
