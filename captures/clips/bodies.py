"""Clips as JSON, from rows fetched with their relations (`captures.clips.selectors`)."""

from __future__ import annotations

from typing import TypedDict

from captures.clips.delivery import DeliveryBody
from captures.clips.models import Clip, ClipHold
from core.times.timestamps import stamp


class HoldBody(TypedDict):
    by: str
    name: str
    since: str


class ClipBody(DeliveryBody):
    """A recorded file. `ended` is exclusive. `lost_frames` were captured meanwhile and are not in the file; null is
    unknown. Nothing deletes a clip that is held or pinned."""

    id: str
    camera: str
    kind: str
    started: str
    ended: str
    duration_s: float
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
    url: str
    poster: str


def clip_url(clip: object) -> str:
    return f"/api/v1/clips/{clip}/"


def hold_body(hold: ClipHold) -> HoldBody:
    return HoldBody(by=hold.by, name=hold.name, since=stamp(hold.since))


def clip_body(clip: Clip) -> ClipBody:
    return ClipBody(
        id=str(clip.id),
        camera=clip.camera.slug,
        kind=clip.kind,
        started=stamp(clip.started_at),
        ended=stamp(clip.ended_at),
        duration_s=clip.duration.total_seconds(),
        frames=clip.frames,
        lost_frames=clip.lost_frames,
        **clip.delivered.body(),
        interrupted=clip.interrupted,
        reason=clip.reason,
        message=clip.message,
        pinned=clip.pinned,
        holds=[hold_body(hold) for hold in clip.holds.all()],
        simulated=clip.simulated,
        codec=clip.codec,
        copied=clip.copied,
        clock=clip.clock,
        clock_offset_s=clip.clock_offset_s,
        clock_error_s=clip.clock_error_s,
        clock_jumped_s=clip.clock_jumped_s,
        width=clip.width,
        height=clip.height,
        requested_by=clip.requested_by,
        filename=clip.filename,
        bytes=clip.bytes,
        sha256=clip.sha256,
        url=f"{clip_url(clip.id)}file/",
        poster=f"{clip_url(clip.id)}poster/",
    )
