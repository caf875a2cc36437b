"""The experiments that a user may see, and in them what the cameras left that the user may see, also as JSON: the
account of an experiment."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from cameras.models import Camera, may_record
from cameras.runtime.spec import Recorder
from cameras.selectors import camera_ids, hidden_ids
from cameras.status.status import read_fields
from captures.capturing.models import Capture, CaptureStatus
from captures.experiments.coverage import Coverage, Gap, Segment, coverage, time_after
from captures.experiments.models import Experiment, ExperimentCamera
from captures.experiments.resource import AttachmentBody, CoverageBody, LinkBody, NoteBody, PlaceBody
from captures.experiments.stills_coverage import still_gaps
from captures.recordings.clips.answers import DeliveryBody
from core.broker.broker import BrokerDown
from core.resources.resource import body_of
from core.times.timestamps import stamp, stamp_or_none

NOT_ALL_SEEN = "The experiment also has cameras that you may not see, so you cannot change it. Ask a manager."


def experiments_for(user: Any) -> QuerySet[Experiment]:
    """The experiments with a camera that the user may see."""
    found = Experiment.objects.prefetch_related("places__camera", "tags")
    if not (user.is_authenticated and user.may("viewer")):
        return found.none()
    hidden = hidden_ids(user)
    if not hidden:
        return found
    seen = ExperimentCamera.objects.filter(experiment=OuterRef("pk")).exclude(camera__in=hidden)
    return found.filter(Exists(seen))


def experiment_for(user: Any, experiment: UUID) -> Experiment:
    """Experiment.DoesNotExist also for one of which the user may see no camera."""
    return experiments_for(user).get(pk=experiment)


def visible_places(user: Any, experiment: Experiment, hidden: set[UUID] | None = None) -> list[ExperimentCamera]:
    """The experiment's cameras that the user may see, in their order. A list reads `hidden` once for all."""
    hidden = hidden_ids(user) if hidden is None else hidden
    return [place for place in experiment.places.all() if place.camera_id not in hidden]


def with_visible_places(experiments: list[Experiment], user: Any) -> list[Experiment]:
    hidden = hidden_ids(user)
    for one in experiments:
        one.visible_places = visible_places(user, one, hidden)
    return experiments


def cameras_of(experiment: Experiment) -> list[Camera]:
    """All of them, in their order."""
    return [place.camera for place in experiment.places.select_related("camera")]


def sees_all(user: Any, experiment: Experiment) -> bool:
    return len(visible_places(user, experiment)) == len(experiment.places.all())


def check_sees_all(user: Any, experiment: Experiment) -> None:
    """PermissionDenied: a user must not change what a camera records that does not exist for them. None is the station
    itself."""
    if user is not None and not sees_all(user, experiment):
        raise PermissionDenied(NOT_ALL_SEEN)


def filtered(
    experiments: QuerySet[Experiment], user: Any, *, camera: str | None = None, tag: str | None = None,
    search: str | None = None, **columns: Any,
) -> QuerySet[Experiment]:  # fmt: skip
    """Those that match all that is given. `search`: a part of a text. UnknownCamera."""
    found = experiments.filter(**columns)
    if camera is not None:
        found = found.filter(places__camera__in=camera_ids(user, camera)).distinct()
    if tag is not None:
        found = found.filter(tags__name=tag)
    if search is not None:
        texts = (Q(**{f"{name}__icontains": search}) for name in ("name", "method", "description"))
        found = found.filter(reduce(or_, texts))
    return found


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
        **body_of(DeliveryBody, found.delivery),
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
