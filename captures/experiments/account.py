"""What an experiment has of each camera that the user may see, as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q

from cameras.models import may_record
from cameras.runtime.recording_state import Recorder
from cameras.status.status import read_fields
from captures.capturing.models import Capture, CaptureStatus
from captures.experiments.answers import CoverageBody, LinkBody
from captures.experiments.coverage import Coverage, Gap, Segment, coverage, time_after
from captures.experiments.models import Experiment, ExperimentCamera
from captures.experiments.resource import AttachmentBody, NoteBody, PlaceBody
from captures.experiments.selectors import visible_places
from captures.experiments.stills_coverage import still_gaps
from core.broker.broker import BrokerDown
from core.resources.answers import body_of
from core.times.timestamps import stamp, stamp_or_none


def account_body(experiment: Experiment, user: Any) -> dict[str, Any]:
    """See `AccountBody`."""
    places = visible_places(user, experiment) if experiment.started_at else []
    return {
        "experiment": str(experiment.pk),
        "from": stamp_or_none(experiment.started_at),
        "to": stamp_or_none(experiment.ended_at),
        "cameras": [camera_account(experiment, place) for place in places],
        **written_parts(experiment),
    }


def written_parts(experiment: Experiment) -> dict[str, list[dict[str, Any]]]:
    """What people have added to it."""
    return {
        "notes": [body_of(NoteBody, one) for one in experiment.notes.all()],
        "attachments": [body_of(AttachmentBody, one) for one in experiment.attachments.all()],
    }


def camera_account(experiment: Experiment, place: ExperimentCamera) -> dict[str, Any]:
    """See `CameraAccount`."""
    return account_of(experiment, place, coverage(experiment, place.camera_id))


def account_of(experiment: Experiment, place: ExperimentCamera, found: Coverage) -> dict[str, Any]:
    links = experiment.session_links.filter(session__camera=place.camera_id).select_related("session")
    start = experiment.start
    assert start is not None
    # Only cameras that give clips can have gaps in their video.
    records = place.means == ExperimentCamera.Means.CLIPS or bool(found.clips)
    if records and found.pending_s and (gap := unrecorded_part(experiment, place, found)):
        found.pending_s = 0.0
        found.gaps.append(gap)
    if not records:
        found.pending_s = 0.0
        found.gaps = still_gaps(experiment, place) if experiment.record and not may_record(place.camera) else []
    return {
        **body_of(PlaceBody, place),
        **body_of(CoverageBody, found),
        **found.delivery.body(),
        "segments": [segment_body(one, start.wall) for one in found.segments],
        "captures": capture_counts(experiment, place),
        "sessions": [body_of(LinkBody, link) for link in links],
    }


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


def segment_body(segment: Segment, start: float) -> dict[str, str]:
    begin, end = (datetime.fromtimestamp(start + at, UTC) for at in (segment.begin_s, segment.end_s))
    return {"from": stamp(begin), "to": stamp(end), "clip": str(segment.clip)}


def capture_counts(experiment: Experiment, place: ExperimentCamera) -> dict[str, int]:
    captures = Capture.objects.filter(experiment=experiment.pk, camera=place.camera_id)
    names = (CaptureStatus.SAVED, CaptureStatus.FAILED, CaptureStatus.SKIPPED)
    return captures.aggregate(**{name.value: Count("pk", filter=Q(status=name)) for name in names})
