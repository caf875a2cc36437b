"""The experiments that a user may see, and in them what the cameras left that the user may see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from cameras.selectors import hidden_cameras
from captures.experiments.models import Experiment, ExperimentCamera


def experiments_for(user: Any) -> QuerySet[Experiment]:
    """The experiments with a camera that the user may see."""
    found = Experiment.objects.prefetch_related("places__camera", "tags")
    if not (user.is_authenticated and user.may("viewer")):
        return found.none()
    hidden = [camera.pk for camera in hidden_cameras(user)]
    if not hidden:
        return found
    seen = ExperimentCamera.objects.filter(experiment=OuterRef("pk")).exclude(camera__in=hidden)
    return found.filter(Exists(seen))


def experiment_for(user: Any, experiment: UUID) -> Experiment:
    """Experiment.DoesNotExist also for one of which the user may see no camera."""
    return experiments_for(user).get(pk=experiment)


def hidden_ids(user: Any) -> set[UUID]:
    """The cameras that the user may not see."""
    return {camera.pk for camera in hidden_cameras(user)}


def visible_places(user: Any, experiment: Experiment, hidden: set[UUID] | None = None) -> list[ExperimentCamera]:
    """The experiment's cameras that the user may see, in their order. A list reads `hidden` once for all."""
    hidden = hidden_ids(user) if hidden is None else hidden
    return [place for place in experiment.places.all() if place.camera_id not in hidden]


def sees_all(user: Any, experiment: Experiment) -> bool:
    return len(visible_places(user, experiment)) == len(experiment.places.all())


def matching(experiments: QuerySet[Experiment], text: str) -> QuerySet[Experiment]:
    return experiments.filter(Q(name__icontains=text) | Q(method__icontains=text) | Q(description__icontains=text))
