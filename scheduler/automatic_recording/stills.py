"""Interval stills of a camera without a stream, for an experiment: by a session of its own, or by one that runs there.

A session is stored, and the camera's host starts it within a second. No command is sent: it may be away."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from cameras.leases.lease_holders import lease_of
from cameras.models import Camera
from captures.capturing.requests import CaptureRequest
from captures.experiments.models import Experiment, ExperimentCamera, ExperimentSession
from captures.sessions.models import Session, SessionState
from captures.sessions.requests import SessionRequest
from captures.sessions.selectors import active_session
from core.text.names import person
from monitoring.models import Event
from monitoring.services import record_event

Means = ExperimentCamera.Means
RETRY = timedelta(minutes=1)
"""How long after a session of the experiment has failed another one is begun."""
TAKEN_OVER = "camera_held"
"""The reason of a session that was stopped for a planned run."""


def provide_stills(experiment: Experiment, camera: Camera) -> tuple[str, str]:
    """What the camera contributes, and why; in a transaction with the camera's row locked."""
    session = active_session(camera)
    if session is not None:
        return _link(experiment, camera, session)
    if refusal := _refusal(experiment, camera):
        return Means.NOTHING, refusal
    _start(experiment, camera)
    return Means.STILLS, ""


def are_stills_provided(experiment: Experiment, place: ExperimentCamera) -> bool:
    """Whether `provide_stills` would change nothing."""
    session = active_session(place.camera)
    if session is None:
        refusal = _refusal(experiment, place.camera)
        return bool(refusal) and (place.means, place.message) == (Means.NOTHING, refusal)
    link = ExperimentSession.objects.filter(experiment=experiment, session=session).first()
    return link is not None and (place.means, place.message) == _contribution(place.camera, session, own=link.own)


def end_own_sessions(experiment: Experiment) -> None:
    """Stop the sessions that were started for the experiment. Their hosts follow within a second."""
    own = Session.objects.active().filter(experiment_links__experiment=experiment, experiment_links__own=True)
    for session in own.exclude(desired=Session.Desired.STOPPED):
        Session.objects.filter(pk=session.pk).update(desired=Session.Desired.STOPPED, revision=F("revision") + 1)


def _link(experiment: Experiment, camera: Camera, session: Session) -> tuple[str, str]:
    link, created = ExperimentSession.objects.get_or_create(
        experiment=experiment, session=session, defaults={"own": False}
    )
    means, message = _contribution(camera, session, own=link.own)
    if created:
        record_event(
            "experiment.linked", message, camera=camera, subject=experiment.pk, data={"session": str(session.pk)}
        )
    return means, message


def _contribution(camera: Camera, session: Session, *, own: bool) -> tuple[str, str]:
    """What the camera contributes by a session that is active on it."""
    if session.desired == Session.Desired.PAUSED:
        by = _by(session, "pause")
        return Means.NOTHING, f"The session on {camera.slug} was paused{by}: it takes no stills until it is resumed."
    if own:
        return Means.STILLS, ""
    message = f"{person(session.holder)} runs a session on {camera.slug}: its captures belong to the experiment too."
    return Means.LINKED, message


def _refusal(experiment: Experiment, camera: Camera) -> str:
    """Why no session is begun now; empty if one is."""
    own = ExperimentSession.objects.filter(experiment=experiment, session__camera=camera, own=True)
    # Not by a wall clock, which may have been set back between two sessions.
    link = own.select_related("session").order_by("-id").first()
    last = link.session if link else None
    # A planned run that took the camera over gives it back at its end.
    if last is not None and last.state in {SessionState.STOPPED, SessionState.FINISHED} and last.reason != TAKEN_OVER:
        by = _by(last, "stop")
        return f"Its session was stopped{by}. To go on, start a session on {camera.slug}: its captures belong here too."
    # In both directions: a clock that is set back must not put the next session off until it shows the same time again.
    failed_at = last.ended_at if last is not None and last.state == SessionState.FAILED else None
    if last is not None and failed_at is not None and abs(timezone.now() - failed_at) < RETRY:
        return f"Its session has failed: {last.message} Skycam begins another one."
    lease = lease_of(camera)
    if lease is not None and lease.holder.held_by != person(experiment.operator):
        return f"{camera.slug} is held by {lease.holder.held_by}. Its stills begin when it is released."
    return ""


def _by(session: Session, order: str) -> str:
    """` by` the user who gave the session this command last; empty if nobody did."""
    commands = Event.objects.filter(kind="command", subject=str(session.pk), data__order=order)
    event = commands.order_by("-at", "-id").first()
    return f" by {person(event.actor)}" if event is not None and event.actor else ""


def _start(experiment: Experiment, camera: Camera) -> None:
    exposure_s = CaptureRequest().exposure_s(camera)
    request = SessionRequest(
        exposure_us=max(1, round(exposure_s * 1e6)), cadence_s=max(experiment.still_interval_s, exposure_s),
        f_number=None, name=experiment.name[:120],
    )  # fmt: skip
    session = Session.objects.create(
        camera=camera, name=request.name, programme=request.programme(camera), created_by=experiment.operator
    )
    ExperimentSession.objects.create(experiment=experiment, session=session, own=True)
    message = f"{camera.slug} takes a still each {request.cadence_s:g} s for the experiment {experiment.name!r}."
    record_event("experiment.stills", message, camera=camera, subject=experiment.pk, data={"session": str(session.pk)})
