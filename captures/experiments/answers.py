"""What an experiment has of each camera, as JSON. Django-free."""

from __future__ import annotations

from typing import Annotated

from captures.experiments.resource import AttachmentBody, NoteBody, PlaceBody
from captures.recordings.clips.answers import DeliveryBody
from core.resources.fields import Fields, field
from core.resources.values import Column, Id
from core.times.timestamps import Stamp


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
