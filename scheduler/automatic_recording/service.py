"""Recordings that no person begins: `AutomaticRecordingService`, for those that follow from the states of
experiments, and that of the primary camera after each start. Each step is idempotent and compares with what is
stored, so any number of processes may run it at any time."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cameras.leases import LeaseHeld
from cameras.models import Camera, may_record
from captures.experiments.membership import hold_earlier_clips
from captures.experiments.models import Experiment, ExperimentCamera
from captures.experiments.resource import MAX_ROLL_S
from captures.experiments.service import ExperimentService, WrongState
from captures.experiments.states import ENDED, ExperimentState
from captures.recordings.claims.models import RecordingClaim
from captures.recordings.claims.services import (
    claim_for_experiment,
    end_claim_of_experiment,
    present_moment,
    store_desired_recording,
)
from captures.recordings.control.commands import request_recording
from core.background import log_and_continue
from core.changes import read_again
from core.events.service import record_event
from core.outages import DATABASE_AWAY
from core.station_settings import auto_recording_config
from core.station_zone import site_time_text
from core.text.sentences import sentence
from scheduler.automatic_recording.stills import (
    Contribution,
    are_stills_provided,
    end_own_sessions,
    provide_stills,
    record_contribution,
)

log = logging.getLogger(__name__)


def record_primary_camera() -> None:
    """Request rolling clips of the primary camera of this host, unless it records already. A camera that cannot record,
    or that somebody holds, is left alone."""
    config = auto_recording_config()
    if not (config.enabled and config.record_primary_camera):
        return
    camera = Camera.objects.present().filter(primary=True, host=settings.STATION.host, recording="").first()
    if camera is None:
        return
    try:
        request_recording(camera, "rolling", "station")
    except (ValidationError, LeaseHeld) as error:
        log.warning("The primary camera is not recorded: %s", error)


Means = ExperimentCamera.Means
REMOVED = "The camera was removed."


def reconcile() -> None:
    """Once: begin and end what is due, and record what the states ask for. DatabaseError."""
    AutomaticRecordingService().reconcile()


def apply_experiment(experiment: Experiment) -> None:
    """What follows from the state of one experiment, in the transaction of its move."""
    AutomaticRecordingService().apply(experiment)


class AutomaticRecordingService:
    def reconcile(self) -> None:
        """All experiments in progress; the error of one is logged and counted, and the others have their turn."""
        for experiment in Experiment.objects.in_progress().prefetch_related("places__camera").order_by("created_at"):
            read_again()  # it moves on with the time
            with log_and_continue("automatic-recording"):
                self._reconcile_one(experiment)

    def _reconcile_one(self, experiment: Experiment) -> None:
        try:
            if not move_if_due(experiment) and not is_as_it_should_be(experiment):
                self.apply(experiment)
        except WrongState:
            # Somebody moved it since it was read. The next pass sees that.
            return

    def apply(self, experiment: Experiment) -> None:
        if experiment.state == ExperimentState.RUNNING:
            if experiment.record:
                self._record(experiment)
            else:
                self._follow(experiment)
        elif experiment.state in ENDED and is_post_roll_over(experiment):
            self._settle(experiment)

    def _record(self, experiment: Experiment) -> None:
        # In the order of their keys: two experiments over the same cameras must not wait for each other.
        for place in sorted(experiment.places.all(), key=lambda place: place.camera_id.bytes):
            # Its alert follows from the row without means, and the next pass tries again.
            # After these errors the caller's transaction must not end as if it was committed.
            with log_and_continue("automatic-recording", unless=DATABASE_AWAY):
                self._record_camera(experiment, place)

    def _follow(self, experiment: Experiment) -> None:
        """It records nothing by itself. What is recorded for others belongs to it, in clips of its own."""
        with transaction.atomic():
            for camera in _locked_cameras(experiment):
                store_desired_recording(camera)
                hold_earlier_clips(experiment, camera.pk)

    def _record_camera(self, experiment: Experiment, place: ExperimentCamera) -> None:
        with transaction.atomic():
            camera = Camera.objects.select_for_update().get(pk=place.camera_id)
            # Under the lock: one that ended since it was read has ended its claims, and nothing would end this one.
            if not Experiment.objects.filter(pk=experiment.pk, state=ExperimentState.RUNNING).exists():
                return
            found = self._provide(experiment, camera)
            changed = _store_means(place, found.means, found.message)
            if (changed or found.new_session) and not may_record(camera):
                record_contribution(experiment, camera, found)

    def _provide(self, experiment: Experiment, camera: Camera) -> Contribution:
        if camera.removed_at is not None:
            end_claim_of_experiment(camera, experiment.pk, "camera_removed")
            return Contribution(Means.NOTHING, REMOVED, "camera_removed", REMOVED)
        if not may_record(camera):
            # It was claimed before it was first opened, when its capabilities were unknown.
            end_claim_of_experiment(camera, experiment.pk, "no_stream")
            return provide_stills(experiment, camera)
        if claim_for_experiment(camera, experiment.pk, experiment.operator, experiment.pre_roll_s):
            message = sentence(
                "The recording of {camera} was requested for the experiment {name!r}.",
                camera=camera, name=experiment.name,
            )  # fmt: skip
            record_event("experiment.recording", message, camera=camera, subject=experiment.pk)
        return Contribution(Means.CLIPS)

    def _settle(self, experiment: Experiment) -> None:
        """End its recordings and its sessions, and nothing else."""
        with transaction.atomic():
            cameras = list(_locked_cameras(experiment))
            for camera in cameras:
                end_claim_of_experiment(camera, experiment.pk)
            end_own_sessions(experiment)
            Experiment.objects.filter(pk=experiment.pk, state__in=ENDED).update(settled=True)
            if not experiment.record:
                for camera in cameras:
                    store_desired_recording(camera)


def _locked_cameras(experiment: Experiment) -> QuerySet[Camera]:
    return Camera.objects.select_for_update().filter(experiment_places__experiment=experiment).order_by("pk")


def is_as_it_should_be(experiment: Experiment) -> bool:
    """Without a lock, because this is asked each second."""
    if experiment.state in ENDED:
        return not is_post_roll_over(experiment)
    if experiment.state == ExperimentState.PLANNED or not experiment.record:
        return True
    claims = RecordingClaim.objects.standing().filter(experiment=experiment)
    claimed = set(claims.values_list("camera_id", flat=True))
    return all(_is_provided(experiment, place, place.camera_id in claimed) for place in experiment.places.all())


def _is_provided(experiment: Experiment, place: ExperimentCamera, claimed: bool) -> bool:
    if place.camera.removed_at is not None:
        return place.means == Means.NOTHING and not claimed
    if may_record(place.camera):
        return place.means == Means.CLIPS and claimed
    return not claimed and are_stills_provided(experiment, place)


def move_if_due(experiment: Experiment) -> bool:
    """Begin or complete a planned experiment whose time has come. Whether it was moved. WrongState, also if its planned
    times were changed since it was read."""
    now, service = timezone.now(), ExperimentService(None, "")
    begin, end = experiment.planned_start, experiment.planned_end
    planned = {"planned_start": begin, "planned_end": end}
    if experiment.state == ExperimentState.PLANNED and begin is not None and begin <= now:
        if end is not None and end <= now:
            times = f"from {site_time_text(begin)} to {site_time_text(end)}"
            message = f"It was planned {times}, and the station was not running then."
            service.move(experiment, ExperimentState.ABORTED, "missed", message, **planned)
        else:
            late_s = (now - begin).total_seconds()
            was = f"It was planned for {site_time_text(begin)} and began {late_s:.0f} s late."
            message = was if late_s > LATE_S else ""
            service.move(experiment, ExperimentState.RUNNING, "planned", message, **planned)
        return True
    if experiment.state == ExperimentState.RUNNING and end is not None and end <= now:
        service.move(experiment, ExperimentState.COMPLETED, "planned", planned_end=end)
        return True
    return False


LATE_S = 5.0
"""A start this late is stated."""


def is_post_roll_over(experiment: Experiment) -> bool:
    """By the boot clock of the machine that ended it, so that a clock that is set back prolongs no recording. After a
    restart only the wall clock is left: one that shows a time well before the end was set back. An experiment that was
    aborted has no post-roll."""
    if experiment.end is None or experiment.state == ExperimentState.ABORTED:
        return True
    since_end_s = experiment.end.seconds_until(present_moment())
    return since_end_s >= experiment.post_roll_s or since_end_s < -MAX_ROLL_S


def _store_means(place: ExperimentCamera, means: str, message: str) -> bool:
    """Whether the row changed: another process may have stored it since it was read."""
    changed = ExperimentCamera.objects.filter(pk=place.pk).exclude(means=means, message=message)
    is_changed = bool(changed.update(means=means, message=message))
    place.means, place.message = means, message
    return is_changed
