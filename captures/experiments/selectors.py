"""The experiments that a user may see, and in them what the cameras left that the user may see."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet

from cameras.models import Camera
from cameras.selectors import camera_ids, hidden_cameras
from captures.experiments.models import Experiment, ExperimentCamera

NOT_ALL_SEEN = "The experiment also has cameras that you may not see, so you cannot change it. Ask a manager."


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
