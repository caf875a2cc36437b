"""The API of clips and time-lines, and its queries."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal, NamedTuple, Self
from uuid import UUID

from drf_spectacular.utils import extend_schema
from pydantic import ConfigDict, Field, StrictBool, model_validator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from cameras.resource import CameraFilter, Slug
from cameras.selectors import camera_condition, camera_ids
from captures.recordings.clips.answers import ClipBody, ClipPage, TimelineBody
from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.selectors import clips_for, known_until, overlapping
from captures.recordings.clips.services import delete_clip, pin_clip
from captures.recordings.clips.timeline import Span, Timeline, timeline
from core.api.model import StrictModel
from core.api.paging import page
from core.api.queries import Query, TimeQuery
from core.resources.resource import body_of
from core.times.timestamps import Moment

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


class CameraTimeline(NamedTuple):
    camera: str
    span: Span
    timeline: Timeline


class ClipsView(APIView):
    """Clips, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="clips_list", parameters=ClipQuery.parameters(), responses=ClipPage)
    def get(self, request: Request) -> Response:
        query: ClipQuery = ClipQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | query.conditions()
        clips = overlapping(clips_for(request.user).filter(**conditions), query.from_, query.to)
        return Response(page(clips, query, request, "started_at", partial(body_of, ClipBody)))


class ClipView(APIView):
    roles = {"GET": "viewer", "PATCH": "operator", "DELETE": "manager"}

    @extend_schema(responses=ClipBody)
    def get(self, request: Request, clip: UUID) -> Response:
        return Response(body_of(ClipBody, self.clip(clip)))

    @extend_schema(request=PinBody, responses=ClipBody)
    def patch(self, request: Request, clip: UUID) -> Response:
        """Pin the clip, so that nothing deletes it, or unpin it."""
        found = self.clip(clip)
        wanted = PinBody.model_validate(request.data)
        pin_clip(found, wanted.pinned, actor(request))
        return Response(body_of(ClipBody, self.clip(clip)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, clip: UUID) -> Response:
        """Delete the clip and its file for good. 409 while it is held or pinned."""
        delete_clip(self.clip(clip), actor(request))
        return Response(status=204)

    def clip(self, clip: UUID) -> Clip:
        return clips_for(self.request.user).get(pk=clip)


class TimelineView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=TimelineQuery.parameters(), responses=TimelineBody)
    def get(self, request: Request) -> Response:
        """When a camera has video. `video`: segments, each with the clip at its beginning; `lost`: clips that lost
        frames or were cut off, the first of each step; `gaps`: times without video of a step or more; `breaks`:
        shorter ones, if there are few clips. The clip being recorded is not included."""
        query: TimelineQuery = TimelineQuery.of(request)
        cameras = camera_ids(request.user, query.camera)
        span = Span(*query.ends, query.width)
        found = timeline(cameras, span, known_until(cameras))
        return Response(body_of(TimelineBody, CameraTimeline(query.camera, span, found)))
