"""Which captures belong to an experiment: those that its cameras took while it ran, for any request, and all those of
its own session, whatever the wall clock said."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from captures.capturing.models import Capture
from captures.experiments.models import Experiment, ExperimentCapture, ExperimentSession, ExperimentState
from captures.experiments.requests import MAX_ROLL_S

LONGEST_POST_ROLL = timedelta(seconds=MAX_ROLL_S)


def link_capture(capture: Capture) -> None:
    """Store to which experiments a capture with an outcome belongs, in the caller's transaction. Idempotent."""
    begun = Q(started_at__lte=capture.started_at)
    not_over = Q(ended_at=None) | Q(ended_at__gte=capture.started_at - LONGEST_POST_ROLL)
    found = Experiment.objects.filter(begun, not_over, places__camera=capture.camera_id)
    members = {one.pk for one in found if contains(one, capture)}
    if capture.session_id is not None:
        # A clock that is set back in the middle makes its captures older than its start.
        own = ExperimentSession.objects.filter(session=capture.session_id, own=True)
        members |= set(own.values_list("experiment", flat=True))
    if members:
        links = [ExperimentCapture(experiment_id=one, capture=capture) for one in members]
        ExperimentCapture.objects.bulk_create(links, ignore_conflicts=True)


def contains(experiment: Experiment, capture: Capture) -> bool:
    """Whether the capture was started between the start of the experiment and the end of its post-roll."""
    if experiment.ended_at is None:
        return True
    roll_s = 0.0 if experiment.state == ExperimentState.ABORTED else experiment.post_roll_s
    return capture.started_at <= experiment.ended_at + timedelta(seconds=roll_s)
