"""An experiment with the camera `sky`, and a run of it that lasted an hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

if TYPE_CHECKING:
    from cameras.models import Camera
    from captures.models import Experiment


@pytest.fixture
def experiment(camera: Camera) -> Callable[..., Experiment]:
    """Makes an experiment over these cameras; by default over `sky`."""
    from captures.models import Experiment, ExperimentCamera

    def make(*cameras: Camera, **fields: Any) -> Experiment:
        made = Experiment.objects.create(**{"name": "Dew", "operator": "ada", "still_interval_s": 60, **fields})
        for position, one in enumerate(cameras or (camera,), 1):
            ExperimentCamera.objects.create(experiment=made, camera=one, position=position, means="clips")
        return Experiment.objects.prefetch_related("places__camera", "tags").get(pk=made.pk)

    return make


@pytest.fixture
def run(experiment: Callable[..., Experiment]) -> Experiment:
    """Completed and settled two hours ago, after an hour."""
    ended = timezone.now() - timedelta(hours=2)
    return experiment(state="completed", settled=True, started_at=ended - timedelta(hours=1), ended_at=ended)
