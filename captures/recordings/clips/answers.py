"""Clips and the time-line of a camera as JSON. Django-free."""

from __future__ import annotations

from typing import Annotated

from core.resources.fields import Fields, Rows, field
from core.resources.values import Column, Id
from core.times.timestamps import Stamp


class HoldBody(Fields):
    by: str
    name: str
    since: Stamp


class HoleBody(Fields):
    from_: Annotated[Stamp, Column("begin")] = field(alias="from")
    to: Annotated[Stamp, Column("end")]
    frames: int
    reason: str


class DeliveryBody(Fields):
    """`expected_fps`: the rate that the camera was set to, null without one. `actual_fps`: the frames of the video per
    second, without the `stills_s` seconds in which the camera took stills. `hole_count` holes, in which no frame came
    for more than two intervals, are `hole_s` seconds long in all; null if they were not counted. `holes` lists the
    longest ones."""

    expected_fps: Annotated[float | None, Column("delivered.expected_fps")]
    actual_fps: Annotated[float | None, Column("delivered.actual_fps")]
    stills_s: Annotated[float, Column("delivered.rounded_stills_s")]
    hole_count: Annotated[int | None, Column("delivered.hole_count")]
    hole_s: Annotated[float | None, Column("delivered.known_hole_s")]
    holes: Annotated[list[HoleBody], Column("delivered.holes")]


class ClipBody(DeliveryBody):
    """A recorded file. `ended` is exclusive. `lost_frames` were captured meanwhile and are not in the file; null is
    unknown. Nothing deletes a clip that is held or pinned."""

    id: Id
    camera: Annotated[str, Column("camera.slug")]
    kind: str
    started: Annotated[Stamp, Column("started_at")]
    ended: Annotated[Stamp, Column("ended_at")]
    duration_s: Annotated[float, Column("length_s")]
    frames: int
    lost_frames: int | None
    interrupted: bool
    reason: str
    message: str
    pinned: bool
    holds: list[HoldBody]
    simulated: bool
    codec: str
    copied: bool
    clock: str
    clock_offset_s: float | None
    clock_error_s: float | None
    clock_jumped_s: float | None
    width: int
    height: int
    requested_by: str
    filename: str
    bytes: int
    sha256: str
    url: Annotated[str, Column("file_url")]
    poster: Annotated[str, Column("poster_url")]


class ClipPage(Rows):
    results: list[ClipBody]


class TimelineGapBody(Fields):
    from_: Annotated[Stamp, Column("begin")] = field(alias="from")
    to: Annotated[Stamp, Column("end")]


class TimelineSegmentBody(TimelineGapBody):
    clip: Id


class TimelineLossBody(Fields):
    from_: Annotated[Stamp, Column("started_at")] = field(alias="from")
    to: Annotated[Stamp, Column("ended_at")]
    clip: Annotated[Id, Column("id")]
    lost_frames: int | None
    interrupted: bool


class TimelineBody(Fields):
    camera: str
    from_: Annotated[Stamp, Column("span.begin")] = field(alias="from")
    to: Annotated[Stamp, Column("span.end")]
    step_s: Annotated[float, Column("span.step_s")]
    video: Annotated[list[TimelineSegmentBody], Column("timeline.video")]
    lost: Annotated[list[TimelineLossBody], Column("timeline.lost")]
    gaps: Annotated[list[TimelineGapBody], Column("timeline.gaps")]
    breaks: Annotated[list[TimelineGapBody], Column("timeline.breaks")]
