"""Experiments as JSON, with what the user may see of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import Count, Q

from cameras.models import may_record
from cameras.runtime.recording_state import Recorder
from cameras.status.status import read_fields
from captures.capturing.models import Capture, CaptureStatus
from captures.clips.delivery import DeliveryBody
from captures.experiments.coverage import Coverage, Gap, Segment, coverage, time_after
from captures.experiments.models import (
    Experiment,
    ExperimentAttachment,
    ExperimentCamera,
    ExperimentNote,
    ExperimentSession,
)
from captures.experiments.selectors import visible_places
from captures.experiments.stills_coverage import still_gaps
from core.broker.broker import BrokerDown
from core.times.timestamps import stamp, stamp_or_none


class PlaceBody(TypedDict):
    """A camera of an experiment. `means` is what it contributes at present: `clips`, `stills`, `linked` (the captures
    of somebody's session), `nothing`, or empty before the start; `message` says why."""

    camera: str
    means: str
    message: str


class ExperimentBody(TypedDict):
    """`settled`: it has ended, and nothing is recorded for it any more. `cameras` has those that the user may see."""

    id: str
    name: str
    method: str
    description: str
    operator: str
    tags: list[str]
    state: str
    reason: str
    message: str
    cameras: list[PlaceBody]
    planned_start: str | None
    planned_end: str | None
    record: bool
    pre_roll_s: float
    post_roll_s: float
    still_interval_s: float
    started: str | None
    started_by: str
    ended: str | None
    ended_by: str
    settled: bool
    created: str
    created_by: str


class NoteBody(TypedDict):
    """`at` is the time that the note is about."""

    id: str
    at: str
    written: str
    author: str
    text: str


class ReleasedBody(TypedDict):
    """How many clips were released."""

    clips: int


class AttachmentBody(TypedDict):
    id: str
    label: str
    reference: str
    added: str
    added_by: str


SegmentBody = TypedDict("SegmentBody", {"from": str, "to": str, "clip": str})
GapBody = TypedDict("GapBody", {"from": str, "to": str, "reason": str, "message": str, "by": str})


class LinkBody(TypedDict):
    """A session whose captures belong to the experiment. `own`: it was started for it."""

    session: str
    own: bool
    state: str


class CaptureCounts(TypedDict):
    saved: int
    failed: int
    skipped: int


class CameraAccount(DeliveryBody):
    """`covered_s` of `length_s` seconds have video; `pending_s` are the newest ones, whose clip has not ended.
    `lost_frames` is null when it is unknown. The rates and the holes are those of all clips. The gaps of a camera
    without a stream are the times without stills."""

    camera: str
    means: str
    message: str
    length_s: float
    covered_s: float
    pending_s: float
    clips: int
    frames: int
    bytes: int
    lost_frames: int | None
    segments: list[SegmentBody]
    gaps: list[GapBody]
    captures: CaptureCounts
    sessions: list[LinkBody]


AccountBody = TypedDict(
    "AccountBody",
    {
        "experiment": str, "from": str | None, "to": str | None, "cameras": list[CameraAccount],
        "notes": list[NoteBody], "attachments": list[AttachmentBody],
    },
)  # fmt: skip


def experiment_url(experiment: object) -> str:
    return f"/api/v1/experiments/{experiment}/"


def experiment_body(experiment: Experiment, user: Any, hidden: set[UUID] | None = None) -> ExperimentBody:
    """A list reads `hidden`, the cameras that the user may not see, once for all."""
    return ExperimentBody(
        id=str(experiment.pk),
        name=experiment.name,
        method=experiment.method,
        description=experiment.description,
        operator=experiment.operator,
        tags=[tag.name for tag in experiment.tags.all()],
        state=experiment.state,
        reason=experiment.reason,
        message=experiment.message,
        cameras=[place_body(place) for place in visible_places(user, experiment, hidden)],
        planned_start=stamp_or_none(experiment.planned_start),
        planned_end=stamp_or_none(experiment.planned_end),
        record=experiment.record,
        pre_roll_s=experiment.pre_roll_s,
        post_roll_s=experiment.post_roll_s,
        still_interval_s=experiment.still_interval_s,
        started=stamp_or_none(experiment.started_at),
        started_by=experiment.started_by,
        ended=stamp_or_none(experiment.ended_at),
        ended_by=experiment.ended_by,
        settled=experiment.settled,
        created=stamp(experiment.created_at),
        created_by=experiment.created_by,
    )


def place_body(place: ExperimentCamera) -> PlaceBody:
    return PlaceBody(camera=place.camera.slug, means=place.means, message=place.message)


def note_body(note: ExperimentNote) -> NoteBody:
    return NoteBody(
        id=str(note.pk), at=stamp(note.at), written=stamp(note.written_at), author=note.author, text=note.text
    )


def attachment_body(one: ExperimentAttachment) -> AttachmentBody:
    return AttachmentBody(
        id=str(one.pk), label=one.label, reference=one.reference, added=stamp(one.added_at), added_by=one.added_by
    )


def account_body(experiment: Experiment, user: Any) -> AccountBody:
    """What the experiment has of each camera that the user may see."""
    places = visible_places(user, experiment) if experiment.started_at else []
    return {
        "experiment": str(experiment.pk),
        "from": stamp_or_none(experiment.started_at),
        "to": stamp_or_none(experiment.ended_at),
        "cameras": [camera_account(experiment, place) for place in places],
        "notes": [note_body(note) for note in experiment.notes.all()],
        "attachments": [attachment_body(one) for one in experiment.attachments.all()],
    }


def camera_account(experiment: Experiment, place: ExperimentCamera) -> CameraAccount:
    return account_of(experiment, place, coverage(experiment, place.camera_id))


def account_of(experiment: Experiment, place: ExperimentCamera, found: Coverage) -> CameraAccount:
    links = experiment.session_links.filter(session__camera=place.camera_id).select_related("session")
    start = experiment.start
    assert start is not None
    # Only cameras that give clips can have gaps in their video.
    records = place.means == ExperimentCamera.Means.CLIPS or bool(found.clips)
    if records and found.pending_s and (gap := unrecorded_part(experiment, place, found)):
        found.pending_s = 0.0
        found.gaps.append(gap)
    gaps = found.gaps if records else []
    if not records and experiment.record and not may_record(place.camera):
        gaps = still_gaps(experiment, place)
    return CameraAccount(
        camera=place.camera.slug, means=place.means, message=place.message, length_s=found.length_s,
        covered_s=found.covered_s, pending_s=found.pending_s if records else 0.0, clips=found.clips,
        frames=found.frames, bytes=found.bytes, lost_frames=found.lost_frames, **found.delivery.body(),
        segments=[segment_body(one, start.wall) for one in found.segments],
        gaps=[gap_body(gap) for gap in gaps],
        captures=capture_counts(experiment, place), sessions=link_bodies(list(links)),
    )  # fmt: skip


def unrecorded_part(experiment: Experiment, place: ExperimentCamera, found: Coverage) -> Gap | None:
    """The newest part of a run as a gap, where the camera's host says that nothing of it is being recorded, as on a
    full disk. None if it is, or may be."""
    try:
        status = read_fields([place.camera.slug], ("recorder",)).get(place.camera.slug)
    except BrokerDown:
        return None
    recorder: Recorder | None = status["recorder"] if status else None
    start = experiment.start
    # Once a first frame was written, the newest clip may not have ended, or may be on its way into the database.
    if start is None or recorder is None or recorder["state"] == "recording" or recorder["since"] is not None:
        return None
    begin, end = (time_after(start, at) for at in (found.length_s - found.pending_s, found.length_s))
    return Gap(begin, end, recorder["reason"] or "no_video", recorder["message"] or "Nothing is recorded.")


def segment_body(segment: Segment, start: float) -> SegmentBody:
    begin, end = (datetime.fromtimestamp(start + at, UTC) for at in (segment.begin_s, segment.end_s))
    return {"from": stamp(begin), "to": stamp(end), "clip": str(segment.clip)}


def gap_body(gap: Gap) -> GapBody:
    return {
        "from": stamp(gap.begin), "to": stamp(gap.end), "reason": gap.reason, "message": gap.message, "by": gap.by,
    }  # fmt: skip


def link_bodies(links: Sequence[ExperimentSession]) -> list[LinkBody]:
    return [LinkBody(session=str(link.session_id), own=link.own, state=link.session.state) for link in links]


def capture_counts(experiment: Experiment, place: ExperimentCamera) -> CaptureCounts:
    captures = Capture.objects.filter(experiment=experiment.pk, camera=place.camera_id)
    names = (CaptureStatus.SAVED, CaptureStatus.FAILED, CaptureStatus.SKIPPED)
    counts = captures.aggregate(**{name: Count("pk", filter=Q(status=name)) for name in names})
    return CaptureCounts(saved=counts["saved"], failed=counts["failed"], skipped=counts["skipped"])
