"""Alerts about experiments that do not record what they should: one that does not begin, and a camera without a part.

They follow from the stored rows alone, so they are right after any kill."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from captures.experiments.models import Experiment, ExperimentCamera
from captures.experiments.states import ExperimentState
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, resolve_alert
from core.text.sentences import sentence
from core.times.timestamps import stamp

LATE = timedelta(minutes=1)
"""A part of the station may be restarting before."""
TICK = timedelta(microseconds=1)
NOT_BEGUN = "experiment.late:"
NO_RECORDING = "experiment.camera:"


def report_experiments(now: datetime | None = None) -> None:
    """Raise what is late now, and resolve what is no longer."""
    now = now or timezone.now()
    found = _report_not_begun(now - LATE) | _report_cameras(now)
    for key in sorted((unresolved_keys(NOT_BEGUN) | unresolved_keys(NO_RECORDING)) - found):
        resolve_alert(key)


def _report_not_begun(late_since: datetime) -> set[str]:
    found = set()
    late = Experiment.objects.filter(state=ExperimentState.PLANNED, planned_start__lte=late_since)
    for experiment in late.prefetch_related("places__camera"):
        key = f"{NOT_BEGUN}{experiment.pk}"
        first = next(iter(experiment.places.all()), None)
        planned = stamp(experiment.planned_start) if experiment.planned_start else ""
        raise_alert(
            key,
            f"The experiment {experiment.name!r} should have begun at {planned}. Start it by hand, and look at the log "
            "of the station for the reason.",
            severity="error",
            # Only who may see that camera reads the name of the experiment.
            camera=first.camera if first else None,
            data={"experiment": str(experiment.pk)},
        )
        found.add(key)
    return found


def _report_cameras(now: datetime) -> set[str]:
    places = ExperimentCamera.objects.filter(
        experiment__state=ExperimentState.RUNNING,
        experiment__record=True,
        means__in=["", ExperimentCamera.Means.NOTHING],
    )
    # One that began well after the present time did so before the clock was set back.
    places = places.exclude(experiment__started_at__range=(now - LATE + TICK, now + LATE))
    found = set()
    for place in places.select_related("experiment", "camera"):
        key = f"{NO_RECORDING}{place.experiment_id}:{place.camera.slug}"
        why = place.message or "Its recording could not be requested: the log of the station says why."
        raise_alert(
            key,
            sentence(
                "{camera} records nothing for the experiment {name!r}. {why}",
                camera=place.camera,
                name=place.experiment.name,
                why=why,
            ),
            severity="error",
            camera=place.camera,
            data={"experiment": str(place.experiment_id)},
        )
        found.add(key)
    return found
