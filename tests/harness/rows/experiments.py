"""Experiments with clips, captures, a suspension, notes and attachments."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from cameras.models import Camera
from captures.experiments.models import Experiment, ExperimentCamera, ExperimentCapture
from captures.experiments.service import ExperimentService
from captures.models import Capture, StorageRoot
from captures.recordings.claims.models import ClaimSuspension, ExperimentClip, RecordingClaim
from tests.harness.rows.clips import row_of


def experiment_of(*cameras: Camera, **fields: Any) -> Experiment:
    """A planned one."""
    values = {"name": "Dew", "operator": "a-operator", "created_by": "a-operator", "still_interval_s": 60.0, **fields}
    made = Experiment.objects.create(**values)
    for position, one in enumerate(cameras, 1):
        ExperimentCamera.objects.create(experiment=made, camera=one, position=position)
    return made


def running(*cameras: Camera, since: timedelta = timedelta(hours=1), **fields: Any) -> Experiment:
    """One that the operator started, and that has run since then."""
    made = experiment_of(*cameras, **fields)
    ExperimentService(None, "a-operator").start(made)
    # Without a boot clock: the wall clock alone says when it began.
    begin = timezone.now() - since
    Experiment.objects.filter(pk=made.pk).update(started_at=begin, started_boot_s=None, created_at=begin)
    RecordingClaim.objects.filter(experiment=made).update(since=begin, held_from=begin, held_from_boot_s=None)
    return Experiment.objects.get(pk=made.pk)


def clip_in(
    experiment: Experiment, camera: Camera, root: StorageRoot, begin_s: float, end_s: float, **fields: Any
) -> None:
    """A clip of the run, in seconds since its start."""
    assert experiment.started_at is not None
    clip = row_of(camera, root, at(experiment, begin_s), end_s - begin_s, **fields)
    clip.save(force_insert=True)
    ExperimentClip.objects.create(experiment=experiment, clip=clip)


def capture_in(experiment: Experiment, camera: Camera, at_s: float, status: str = "saved", **fields: Any) -> Capture:
    capture = Capture.objects.create(camera=camera, status=status, started_at=at(experiment, at_s), **fields)
    ExperimentCapture.objects.create(experiment=experiment, capture=capture)
    return capture


def suspended(experiment: Experiment, by: str, begin_s: float, end_s: float | None = None) -> None:
    """`by` stopped the recording of all its cameras; without an end it is still stopped."""
    to_at = None if end_s is None else at(experiment, end_s)
    for claim in RecordingClaim.objects.filter(experiment=experiment):
        ClaimSuspension.objects.create(claim=claim, by=by, from_at=at(experiment, begin_s), to_at=to_at)


def at(experiment: Experiment, seconds: float) -> datetime:
    assert experiment.started_at is not None
    return experiment.started_at + timedelta(seconds=seconds)
