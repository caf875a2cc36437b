"""Interval stills of a camera without a stream, for an experiment: by a session of its own, or by one that runs there.

A session is stored, and the camera's host starts it within a second. No command is sent: it may be away."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from cameras.leases import lease_of
from cameras.models import Camera
from captures.capturing.requests import CaptureRequest
from captures.experiments.models import Experiment, ExperimentCamera, ExperimentSession
from captures.experiments.stills_coverage import INTERRUPTED, SESSION_FAILED, STOPPED, SUSPENDED, TAKEN_OVER
from captures.recordings.claims.services import present_moment
from captures.sessions.models import Session, SessionState
from captures.sessions.requests import SessionRequest
from captures.sessions.selectors import active_session
from core.events.models import Event
from core.events.service import record_event
from core.text.names import person
from core.text.sentences import sentence

Means = ExperimentCamera.Means
RETRY = timedelta(minutes=1)
"""How long after a session of the experiment has failed another one is begun."""
HELD = "camera_held"
KINDS = {Means.STILLS: "experiment.stills", Means.LINKED: "experiment.linked", Means.NOTHING: INTERRUPTED}
DOES = {
    Means.STILLS: "{camera} takes a still each {interval_s:g} s for the experiment {name!r}.",
    Means.LINKED: "{camera} takes captures for the experiment {name!r}. {why}",
    Means.NOTHING: "{camera} takes no stills for the experiment {name!r}. {why}",
}


class Contribution(NamedTuple):
    """What a camera contributes. `message` is stored with it; `reason`, `why` and `by` are those of the gap in the
    experiment's account while it contributes nothing."""

    means: str
    message: str = ""
    reason: str = ""
    why: str = ""
    by: str = ""
    new_session: UUID | None = None


def provide_stills(experiment: Experiment, camera: Camera) -> Contribution:
    """In a transaction with the camera's row locked."""
    session = active_session(camera)
    if session is not None:
        return _link(experiment, session)
    if refusal := _refusal(experiment, camera):
        return refusal
    return Contribution(Means.STILLS, new_session=_start(experiment, camera))


def record_contribution(experiment: Experiment, camera: Camera, found: Contribution) -> None:
    """Record a change of what a camera without a stream contributes. The account of the experiment is made of these
    events, so they have the time by the boot clock."""
    now = present_moment()
    data = {"boot": now.boot, "boot_s": now.boot_s}
    if found.new_session is not None:
        data["session"] = str(found.new_session)
    if found.means == Means.NOTHING:
        data |= {"reason": found.reason, "why": found.why, "by": found.by}
    message = sentence(
        DOES[Means(found.means)],
        camera=camera, interval_s=experiment.still_interval_s, name=experiment.name, why=found.message,
    )  # fmt: skip
    severity = "warning" if found.means == Means.NOTHING else "info"
    record_event(
        KINDS[Means(found.means)], message, severity=severity, camera=camera, subject=experiment.pk, actor=found.by,
        data=data,
    )  # fmt: skip


def are_stills_provided(experiment: Experiment, place: ExperimentCamera) -> bool:
    """Whether `provide_stills` would change nothing."""
    session = active_session(place.camera)
    if session is None:
        refusal = _refusal(experiment, place.camera)
        return refusal is not None and (place.means, place.message) == refusal[:2]
    link = ExperimentSession.objects.filter(experiment=experiment, session=session).first()
    return link is not None and (place.means, place.message) == _contribution(session, own=link.own)[:2]


def end_own_sessions(experiment: Experiment) -> None:
    """Stop the sessions that were started for the experiment. Their hosts follow within a second."""
    own = Session.objects.active().filter(experiment_links__experiment=experiment, experiment_links__own=True)
    for session in own.exclude(desired=Session.Desired.STOPPED):
        Session.objects.filter(pk=session.pk).update(desired=Session.Desired.STOPPED, revision=F("revision") + 1)


def _link(experiment: Experiment, session: Session) -> Contribution:
    link, created = ExperimentSession.objects.get_or_create(
        experiment=experiment, session=session, defaults={"own": False}
    )
    found = _contribution(session, own=link.own)
    return found._replace(new_session=session.pk) if created else found


def _contribution(session: Session, *, own: bool) -> Contribution:
    """What a camera contributes by a session that is active on it. The messages stand beside the camera's name."""
    if session.desired == Session.Desired.PAUSED:
        by = _commander(session, "pause")
        message = f"Its session was paused{_by(by)}: it takes no stills until it is resumed."
        return Contribution(Means.NOTHING, message, SUSPENDED, f"{by or 'Someone'} paused the session.", by)
    if session.desired == Session.Desired.STOPPED:
        # Its host may be away for hours, and ends it then.
        return _stopped(session) if own else _is_stopping(session)
    if own:
        return Contribution(Means.STILLS)
    message = f"{person(session.holder)} runs a session on the camera: its captures belong to the experiment too."
    return Contribution(Means.LINKED, message)


def _refusal(experiment: Experiment, camera: Camera) -> Contribution | None:
    """Why no session is begun now; None if one is."""
    own = ExperimentSession.objects.filter(experiment=experiment, session__camera=camera, own=True)
    # Not by a wall clock, which may have been set back between two sessions.
    link = own.select_related("session").order_by("-id").first()
    last = link.session if link else None
    # A planned run that took the camera over gives it back at its end.
    if last is not None and last.state in {SessionState.STOPPED, SessionState.FINISHED} and last.reason != TAKEN_OVER:
        return _stopped(last)
    # In both directions: a clock that is set back must not put the next session off until it shows the same time again.
    failed_at = last.ended_at if last is not None and last.state == SessionState.FAILED else None
    if last is not None and failed_at is not None and abs(timezone.now() - failed_at) < RETRY:
        why = f"Its session has failed: {last.message}"
        return Contribution(Means.NOTHING, f"{why} Skycam begins another one.", SESSION_FAILED, why)
    lease = lease_of(camera)
    if lease is not None and lease.holder.held_by != person(experiment.operator):
        by = lease.holder.held_by
        message = f"The camera is held by {by}. Its stills begin when it is released."
        return Contribution(Means.NOTHING, message, HELD, f"{by} held the camera.", by)
    return None


def _stopped(session: Session) -> Contribution:
    """Nothing, as the experiment's own session was stopped."""
    by = _commander(session, "stop")
    message = (
        f"Its session was stopped{_by(by)}. To go on, start a session on the camera: its captures belong here too."
    )
    why = f"{by} stopped its session." if by else "Its session was stopped."
    return Contribution(Means.NOTHING, message, SUSPENDED if by else STOPPED, why, by)


def _is_stopping(session: Session) -> Contribution:
    """Nothing until somebody's session has ended: then the experiment begins its own."""
    by = _commander(session, "stop")
    message = f"Its session is being stopped{_by(by)}. Stills begin when it has ended."
    why = f"{by} stopped the session." if by else "The session was stopped."
    return Contribution(Means.NOTHING, message, STOPPED, why, by)


def _commander(session: Session, order: str) -> str:
    """The user who gave the session this command last; empty if no one did."""
    commands = Event.objects.filter(kind="command", subject=str(session.pk), data__order=order)
    event = commands.order_by("-at", "-id").first()
    return person(event.actor) if event is not None and event.actor else ""


def _by(name: str) -> str:
    return f" by {name}" if name else ""


def _start(experiment: Experiment, camera: Camera) -> UUID:
    exposure_s = CaptureRequest().exposure_s(camera)
    request = SessionRequest(
        exposure_us=max(1, round(exposure_s * 1e6)), cadence_s=max(experiment.still_interval_s, exposure_s),
        f_number=None, name=experiment.name[:120],
    )  # fmt: skip
    session = Session.objects.create(
        camera=camera, name=request.name, programme=request.programme(camera), created_by=experiment.operator
    )
    ExperimentSession.objects.create(experiment=experiment, session=session, own=True)
    return session.pk
