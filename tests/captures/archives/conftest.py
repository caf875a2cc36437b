"""An experiment that has ended, with clips and captures in a storage root, and its archive made in this process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.utils import timezone

if TYPE_CHECKING:
    from cameras.models import Camera
    from captures.models import Archive, Clip, Experiment, StorageRoot


@pytest.fixture
def run(camera: Camera, root: StorageRoot) -> Experiment:
    """Completed an hour ago, after 12 s."""
    from captures.models import Experiment, ExperimentCamera
    from captures.roots.roots import assign_root

    assign_root(root, "captures")
    ended = timezone.now() - timedelta(hours=1)
    made = Experiment.objects.create(
        name="Dew/../Mirror 3 🔭", operator="ada", still_interval_s=60, state="completed", settled=True,
        started_at=ended - timedelta(seconds=12), ended_at=ended,
    )  # fmt: skip
    ExperimentCamera.objects.create(experiment=made, camera=camera, position=1, means="clips")
    return made


@pytest.fixture
def clip(camera: Camera, root: StorageRoot, run: Experiment) -> Callable[..., Clip]:
    """A clip of the run with its file: its number, each of 4 s."""
    from captures.recordings.claims.services import hold_clips
    from tests.harness.rows.clips import clip_of, content

    def make(number: int, **fields: Any) -> Clip:
        assert run.started_at
        started = run.started_at + timedelta(seconds=4 * number)
        made = clip_of(camera, root, started, film=content(first=40 * number), **fields)
        with transaction.atomic():
            hold_clips([made.pk], run.pk)
        return made

    return make


@pytest.fixture
def clips(clip: Any) -> list[Clip]:
    return [clip(number) for number in range(3)]


@pytest.fixture
def run_jobs() -> Callable[..., list[Any]]:
    """Runs the waiting jobs of a kind in this process; returns their results."""
    from core.jobs.context import JobContext
    from core.jobs.models import Job
    from core.jobs.tables import kind_of
    from core.registry import resolve

    def run_all(kind: str = "archive") -> list[Any]:
        found = []
        while job := Job.objects.filter(kind=kind, state="waiting").first():
            context = JobContext(str(job.pk), job.arguments, None, job.requested_by, lambda _: None)
            known = kind_of(kind)
            assert known
            Job.objects.filter(pk=job.pk).update(state="done", ended_at=timezone.now())
            found.append(resolve(known.function)(context))
        return found

    return run_all


@pytest.fixture
def archive(run: Experiment, clips: list[Clip], run_jobs: Any) -> Archive:
    """A complete one of three clips."""
    from tests.harness.rows.archives import request_archive

    made = request_archive(run, actor="ada")
    run_jobs()
    made.refresh_from_db()
    assert made.state == "complete"
    return made
