"""`SessionService` starts, stops, pauses, resumes and hands over sessions for pages, API and programs. The desired
state is stored in the session's row and survives restarts; its host gets a command and answers with the outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

import uuid6
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from pydantic import ConfigDict, Field

from cameras import leases
from cameras.capture_options import check_options
from cameras.command_events import (
    problem_of,
    record_desired_change,
    record_failures,
    record_outcome,
    record_refusals,
)
from cameras.commands import control
from cameras.commands.messages import START, STOP, SessionArguments
from cameras.draining import check_not_draining
from cameras.errors import UNREACHED, ControlError, HostDown, TooSlow
from cameras.leases import release_lease
from cameras.models import Camera
from captures.sessions.desired import describe_desired_session
from captures.sessions.models import ACTIVE, Session, SessionState
from core.broker.broker import BrokerDown
from core.events.models import Event
from core.events.service import record_event
from core.resources.fields import Fields
from core.text.names import person
from core.text.sentences import beside_camera, pluralize, sentence

Experiments = Literal["ask", "suspend"]
log = logging.getLogger(__name__)
START_S, CHANGE_S = 10.0, 10.0
STOPPING_S = 0.1
"""Between two looks whether a stopped session has ended."""
"""Seconds to wait for the start of a session, and for its pause or resumption."""


class SessionStart(Protocol):
    """What a session is started with: a SessionRequest, or what another app makes."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Any] | None:
        """Those of all its captures."""

    def programme(self, camera: Camera) -> dict[str, Any]:
        """`cameras.spool.records.Programme`"""


class SessionEnded(ControlError):
    """The session has ended or is being stopped."""

    problem = "session-ended"


class SessionClaimed(ControlError):
    """The session takes the stills of experiments. The message names them and says what to do."""

    problem = "recording-claimed"

    def __init__(self, session: Session, experiments: list[Any]) -> None:
        self.experiments = experiments
        names = ", ".join(repr(one.name) for one in experiments)
        super().__init__(
            sentence(
                "The session on {camera} takes stills for {experiments}: {names}. With `suspend` it stops "
                "nevertheless, and their account shows the gap, with your name.",
                camera=session.camera, experiments=pluralize(len(experiments), "experiment"), names=names,
            )
        )  # fmt: skip


def check_no_experiment(session: Session) -> None:
    """SessionClaimed while the session takes the stills of a running experiment."""
    links = session.experiment_links.filter(own=True, experiment__state="running")
    if found := [link.experiment for link in links.select_related("experiment")]:
        raise SessionClaimed(session, found)


def check_not_ended(session: Session, verb: str) -> None:
    """SessionEnded when the session cannot be paused or resumed any more; `verb` names the command."""
    if session.state in ACTIVE and session.desired != Session.Desired.STOPPED:
        return
    raise SessionEnded(
        sentence(
            "The session on {camera} is {state}; there is nothing to {verb}.",
            camera=session.camera, state="being stopped" if session.state in ACTIVE else session.state, verb=verb,
        )
    )  # fmt: skip


class SessionDeferred(ControlError):
    """The camera does not answer now. The request is stored and carried out as soon as it does."""


DEFERRED = {
    "stop": "The request is stored: the session stops as soon as its camera can be reached.",
    "pause": "The request is stored: the session pauses as soon as its camera can be reached.",
    "resume": "The request is stored: the session continues as soon as its camera can be reached.",
}


@contextmanager
def deferred(command: str) -> Iterator[None]:
    """SessionDeferred instead of the error of a command whose desired state is stored."""
    try:
        yield
    except UNREACHED as error:
        reason = error.reason if isinstance(error, ControlError) else ""
        raise SessionDeferred(f"{error} {DEFERRED[command]}", problem_of(error), reason) from error


class SessionService:
    def __init__(self, actor: str = "") -> None:
        self.actor = actor

    def start(self, camera: Camera, request: SessionStart, *, new_id: UUID | None = None) -> Session:
        """LeaseHeld when another user holds the camera, SessionRunning when a session is active: neither creates a
        session. `new_id` becomes its id; a session that has this id already is returned as it is, and none is started.

        ControlError or BrokerDown when the command did not reach the host: the session has failed or is stopped, so it
        does not start later unnoticed. ValidationError for an option that the camera does not take.
        """
        if new_id and (started := Session.objects.filter(pk=new_id).first()):
            return _check_was_sent(started)
        check_options(camera, request.options)
        with record_refusals(camera, "start", self.actor, request.programme(camera)):
            return self._start(camera, request, new_id or uuid6.uuid7())

    def _start(self, camera: Camera, request: SessionStart, new_id: UUID) -> Session:
        # Before `_reach_host`, which stores a failed session: a refused start stores none.
        leases.check_holder_now(camera, self.actor)
        _wait_for_stop(camera)
        leases.check_no_session(camera)
        check_not_draining(camera)
        deadline_ms = self._reach_host(camera, request, new_id) + int(START_S * 1000)
        session, event = self._insert_session(camera, request, new_id)
        try:
            with record_outcome(event):
                _send_start(session, deadline_ms)
        except TooSlow:
            # Not stopped: the host reads the desired sessions each second and starts it without this answer.
            log.info("session %s was not confirmed yet", session.id)
        except (ControlError, BrokerDown):
            _store_stopped(session)
            raise
        session.refresh_from_db()
        return session

    def _reach_host(self, camera: Camera, request: SessionStart, new_id: UUID) -> int:
        with record_failures(camera, "start", self.actor, request.programme(camera)):
            try:
                return control.check_reachable(camera)
            except (HostDown, BrokerDown) as error:
                self._record_unstarted(camera, request, new_id, str(error))
                raise

    def _insert_session(self, camera: Camera, request: SessionStart, new_id: UUID) -> tuple[Session, Event]:
        try:
            with transaction.atomic():
                session = Session.objects.create(
                    id=new_id, camera=camera, name=request.name, programme=request.programme(camera),
                    created_by=self.actor,
                )  # fmt: skip
                # Again, as the camera may have been taken since the first check. LeaseHeld undoes the insert.
                leases.check_holder_now(camera, self.actor)
                check_not_draining(camera)
                did = sentence("started a session on {camera}.", camera=camera)
                event = record_desired_change(camera, "start", did, self.actor, session.programme, subject=session.id)
        except IntegrityError:
            # Another session was started at the same moment, and the constraint let one through. Say whose it is.
            leases.check_holder_now(camera, self.actor)
            leases.check_no_session(camera)
            raise
        return session, event

    def _record_unstarted(self, camera: Camera, request: SessionStart, new_id: UUID, message: str) -> None:
        """Insert the session as failed: no host has ever read it."""
        Session.objects.create(
            id=new_id, camera=camera, name=request.name, programme=request.programme(camera), created_by=self.actor,
            state=SessionState.FAILED, desired=Session.Desired.STOPPED, reason="host_down",
            message=beside_camera(message, camera), ended_at=timezone.now(),
        )  # fmt: skip

    def stop(self, session: Session, experiments: Experiments = "ask") -> Session:
        """Stop the session; returns when its camera has stopped it. The row says so once the records before it are
        ingested. `experiments` is what happens to experiments
        whose stills it takes: `ask` refuses the stop, with `suspend` they get no stills until somebody starts a session
        on the camera.

        SessionDeferred when the camera does not answer: the stop is stored.
        LeaseHeld when another user holds the camera, SessionClaimed: nothing is stored.
        """
        with record_refusals(session.camera, "stop", self.actor), transaction.atomic():
            # `session` may be out of date, and two changes must not get the same revision.
            locked = Session.objects.select_for_update().get(pk=session.pk)
            if locked.state not in ACTIVE:
                return locked
            if experiments == "ask":
                check_no_experiment(locked)
            event = self._set_desired(locked, Session.Desired.STOPPED, "stop", "stopped")
        # After the commit: the host reads the row too, and no lock is held while it answers.
        with deferred("stop"), record_outcome(event) if event else nullcontext():
            control.run_command(locked.camera, STOP, SessionArguments(session=describe_desired_session(locked)))
        locked.refresh_from_db()
        return locked

    def pause(self, session: Session) -> Session:
        """Pause the session until `resume`, also across restarts. A running capture ends first, so the session may
        still be running when this returns (`desired` is paused).

        SessionEnded or LeaseHeld: nothing is stored. SessionDeferred when the camera does not answer: the pause is
        stored.
        """
        return self._change_desired(session, Session.Desired.PAUSED, "pause", "paused")

    def resume(self, session: Session) -> Session:
        """Resume a paused session; the starts missed meanwhile are recorded as a gap. Raises what `pause` raises."""
        return self._change_desired(session, Session.Desired.RUNNING, "resume", "resumed")

    def _change_desired(self, session: Session, desired: Session.Desired, command: str, did: str) -> Session:
        with record_refusals(session.camera, command, self.actor), transaction.atomic():
            locked = Session.objects.select_for_update().get(pk=session.pk)
            check_not_ended(locked, command)
            event = self._set_desired(locked, desired, command, did)
        with deferred(command):
            try:
                with record_outcome(event) if event else nullcontext():
                    arguments = SessionArguments(session=describe_desired_session(locked))
                    control.run_command(locked.camera, START, arguments, wait_s=CHANGE_S)
            except TooSlow:
                log.info("session %s was not %s yet: a capture runs", locked.id, did)
        locked.refresh_from_db()
        return locked

    def _set_desired(self, locked: Session, desired: Session.Desired, command: str, did: str) -> Event | None:
        """The event; None when the state is desired already: the command is then only sent again."""
        leases.check_holder_now(locked.camera, self.actor, of_session=True)
        if locked.desired == desired:
            return None
        locked.desired, locked.revision = desired, locked.revision + 1
        locked.save(update_fields=["desired", "revision"])
        message = sentence("{did} the session on {camera}.", did=did, camera=locked.camera)
        return record_desired_change(locked.camera, command, message, self.actor, {}, subject=locked.pk)


def _check_was_sent(session: Session) -> Session:
    """HostDown for a session that failed because its start could not be sent."""
    if session.state == SessionState.FAILED and session.reason == "host_down":
        raise HostDown(session.message)
    return session


def _wait_for_stop(camera: Camera) -> None:
    """While a stopped session is still active in its row: its last records wait behind others, for seconds at most."""
    stopping = Session.objects.active().filter(camera=camera, desired=Session.Desired.STOPPED)
    until = time.monotonic() + START_S
    while stopping.exists() and time.monotonic() < until:
        time.sleep(STOPPING_S)


def _send_start(session: Session, deadline_ms: int) -> None:
    arguments = SessionArguments(session=describe_desired_session(session))
    control.wait_for_answer(
        control.send_command(session.camera, START, arguments, wait_s=START_S, deadline_ms=deadline_ms)
    )


def _store_stopped(session: Session) -> None:
    """The host is alive and may have read the desired state already: this newer revision stops the session."""
    Session.objects.filter(pk=session.pk).update(desired=Session.Desired.STOPPED, revision=session.revision + 1)


class HandOverBody(Fields):
    model_config = ConfigDict(strict=True)

    to: Annotated[str, Field(min_length=1, max_length=150, description="The name of the user who gets the camera.")]


def possible_receivers(camera: Camera) -> list[str]:
    """The names of the users who may control the camera."""
    active: QuerySet[Any] = get_user_model().objects.filter(is_active=True)
    users = [user for user in active.order_by("username") if user.may("operator")]
    listed = set(camera.audience.values_list("pk", flat=True)) if camera.restricted else set()
    return [user.get_username() for user in users if not camera.restricted or user.may("manager") or user.pk in listed]


def hand_over(session: Session, to: str, actor: str) -> Session:
    """The session, which holds its camera for the user `to` from now on. A lease of `actor` ends with it.

    SessionEnded or LeaseHeld when it is not `actor`'s to give, ValidationError for a user who may not control the
    camera: nothing is changed.
    """
    with record_refusals(session.camera, "hand-over", actor, {"to": to}), transaction.atomic():
        locked = Session.objects.select_for_update().select_related("camera").get(pk=session.pk)
        check_not_ended(locked, "hand over")
        leases.check_holder_now(locked.camera, actor, of_session=True)
        if to not in possible_receivers(locked.camera):
            wrong = sentence("There is no user {to!r} who may control {camera}.", to=to, camera=locked.camera)
            raise ValidationError({"to": wrong})
        if person(locked.holder) == to:
            return locked
        locked.handed_to = to
        locked.save(update_fields=["handed_to"])
        # Else the lease would keep the camera from the receiver.
        release_lease(locked.camera, actor)
        message = sentence(
            "{who} handed the session on {camera} over to {to}.", who=actor or "Someone", camera=locked.camera, to=to
        )
        record_event(
            "session.handed_over", message, camera=locked.camera, subject=locked.pk, actor=actor, data={"to": to}
        )
    return locked
