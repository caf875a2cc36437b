"""Which captures and clips belong to an experiment: what its cameras took while it ran, for any request.

Of its own session all captures belong to it, whatever the wall clock said. The clips of an experiment that records are
found by its claims (`captures.recordings.claims.services`); here are those of one that does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from cameras.spool.moments import Moment
from captures.capturing.models import Capture
from captures.experiments.models import Experiment, ExperimentCamera, ExperimentCapture, ExperimentSession
from captures.experiments.resource import MAX_ROLL_S
from captures.experiments.states import ExperimentState
from captures.recordings.claims.services import CLOCK_SLACK, clips_since, hold_clips, shows
from captures.recordings.clips.models import Clip

LONGEST_POST_ROLL = timedelta(seconds=MAX_ROLL_S)


def link_capture(capture: Capture) -> None:
    link_captures([capture])


def link_captures(captures: Sequence[Capture]) -> None:
    """Store to which experiments captures with an outcome belong, in the caller's transaction. Idempotent."""
    running, own = _running_experiments(captures), _own_sessions(captures)
    links = [
        ExperimentCapture(experiment_id=experiment, capture=capture)
        for capture in captures
        for experiment in {
            *(one.pk for one in running[capture.camera_id] if contains(one, capture)),
            *(own[capture.session_id] if capture.session_id else ()),
        }
    ]
    if links:
        ExperimentCapture.objects.bulk_create(links, ignore_conflicts=True)


def _running_experiments(captures: Sequence[Capture]) -> dict[UUID, list[Experiment]]:
    """By camera, those that may contain one of the captures."""
    starts = [capture.started_at for capture in captures]
    begun = Q(experiment__started_at__lte=max(starts))
    not_over = Q(experiment__ended_at=None) | Q(experiment__ended_at__gte=min(starts) - LONGEST_POST_ROLL)
    cameras = {capture.camera_id for capture in captures}
    places = ExperimentCamera.objects.filter(begun, not_over, camera__in=cameras).select_related("experiment")
    running: dict[UUID, list[Experiment]] = defaultdict(list)
    for place in places:
        running[place.camera_id].append(place.experiment)
    return running


def _own_sessions(captures: Sequence[Capture]) -> dict[UUID, list[UUID]]:
    """By session, the experiments that started it."""
    own: dict[UUID, list[UUID]] = defaultdict(list)
    # A clock that is set back in the middle makes its captures older than its start.
    if sessions := {capture.session_id for capture in captures if capture.session_id}:
        rows = ExperimentSession.objects.filter(session__in=sessions, own=True)
        for session, experiment in rows.values_list("session", "experiment"):
            own[session].append(experiment)
    return own


def contains(experiment: Experiment, capture: Capture) -> bool:
    """Whether the capture was started between the start of the experiment and the end of its post-roll."""
    if experiment.started_at is None or capture.started_at < experiment.started_at:
        return False
    if experiment.ended_at is None:
        return True
    return capture.started_at <= experiment.ended_at + timedelta(seconds=_post_roll_s(experiment))


def shown_by(clip: Clip) -> set[UUID]:
    """The experiments that record nothing by themselves and of whose time, from the pre-roll to the post-roll, the clip
    shows a part: it was recorded for others."""
    near = Q(ended_at=None) | Q(
        ended_at__gte=clip.started_at - CLOCK_SLACK, started_at__lte=clip.ended_at + CLOCK_SLACK
    )
    if clip.boot:
        near |= Q(started_boot=clip.boot) | Q(ended_boot=clip.boot)
    begun = Experiment.objects.filter(near, record=False, places__camera=clip.camera_id).exclude(started_at=None)
    return {one.pk for one in begun if shows(clip, _begin(one), _end(one))}


def hold_earlier_clips(experiment: Experiment, camera: UUID) -> None:
    """The clips of the pre-roll that have a row belong to an experiment that begins and records nothing by itself."""
    hold_clips(clips_since(camera, _begin(experiment)), experiment.pk)


def _begin(experiment: Experiment) -> Moment:
    assert experiment.start is not None
    return experiment.start.earlier(experiment.pre_roll_s)


def _end(experiment: Experiment) -> Moment | None:
    return experiment.end and experiment.end.earlier(-_post_roll_s(experiment))


def _post_roll_s(experiment: Experiment) -> float:
    """One that was aborted has none."""
    return 0.0 if experiment.state == ExperimentState.ABORTED else experiment.post_roll_s
