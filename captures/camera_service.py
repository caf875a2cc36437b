"""`CameraService`: the façade through which pages, API, CLI and programs have cameras capture.

It plans rows, sends commands through `cameras.control` and answers with what was observed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import uuid6
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras import control
from cameras.broker import BrokerDown
from cameras.control import ControlError, HostDown, TooSlow
from cameras.models import Camera
from cameras.runtime.spool import FileWish, Record
from captures.ingest import files_of, fill, settle_unstarted
from captures.models import Capture, CaptureFile, Session
from captures.models.session import SessionState
from captures.requests import CaptureRequest, SessionRequest
from captures.sessions.orders import session_order
from monitoring.services import record_event

log = logging.getLogger(__name__)
MOST_WAIT_S = 10.0
BEGIN_WITHIN_S = 30.0
START_S = 10.0


class Mismatch(Exception):
    """An Idempotency-Key came again with another request."""


class SessionHeld(Exception):
    """Another session holds the camera."""

    def __init__(self, session: Session) -> None:
        super().__init__(
            f"{session.camera.slug} is held by the session {session.name or session.id}, started by "
            f"{session.created_by or 'the station'} at {session.created_at:%Y-%m-%d %H:%M:%SZ}. Stop it first."
        )
        self.session = session


@dataclass(frozen=True, slots=True)
class Outcome:
    """A capture as it stands; `pending` when its outcome was not there in time. `problem` says why it could
    not even be sent."""

    capture: Capture
    files: list[CaptureFile] | None = None
    """Where they are known without being read."""
    pending: bool = False
    problem: ControlError | BrokerDown | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A capture whose command was sent."""

    capture: Capture
    sent: control.Sent


class CameraService:
    def __init__(self, actor: str = "") -> None:
        self.actor = actor

    def capture(self, camera: Camera, request: CaptureRequest, *, key: str = "", wait: bool = True) -> Outcome:
        """One still. Every planned capture ends with one outcome, also when this call gives up waiting.

        Mismatch when `key` (Idempotency-Key) was used for another request.
        """
        wait_s = min(MOST_WAIT_S, request.exposure_s(camera) + readout_s(camera) + 5.0) if wait else 0.0
        begun = self.begin_capture(camera, request, key=key, wait_s=wait_s)
        if isinstance(begun, Outcome):
            return begun
        return self.finish_capture(begun) if wait else Outcome(begun.capture, pending=True)

    def begin_capture(
        self, camera: Camera, request: CaptureRequest, *, key: str = "", wait_s: float, file: FileWish | None = None
    ) -> Begun | Outcome:
        """Plan the row and send the command; an Outcome at once where there is nothing to wait for. `wait_s` is how
        long `finish_capture` will wait at most, from now."""
        try:
            deadline_ms = control.reach(camera) + int(BEGIN_WITHIN_S * 1000)
        except (HostDown, BrokerDown) as error:
            return self._never_sent(camera, request, key, error)
        capture, known = self._plan(camera, request, key, deadline_ms)
        if known:
            return Outcome(capture, pending=capture.status == Capture.Status.PLANNED)
        arguments = self._arguments(capture, request) | ({"file": file} if file else {})
        try:
            sent = control.send(camera, "capture", arguments, wait_s=wait_s, deadline_ms=deadline_ms)
        except BrokerDown:
            log.warning("capture %s may have left when the broker went away; its host settles it", capture.id)
            return Outcome(capture, pending=True)
        return Begun(capture, sent)

    def _plan(self, camera: Camera, request: CaptureRequest, key: str, deadline_ms: int | None) -> tuple[Capture, bool]:
        capture = Capture(
            id=uuid6.uuid7(), camera=camera, asked=request.asked(), requested_by=self.actor, job=request.job,
            note=request.note, driver=camera.kind, idempotency_key=key or None, deadline_ms=deadline_ms,
        )  # fmt: skip
        try:
            with transaction.atomic():
                capture.save(force_insert=True)
        except IntegrityError:
            return self._known(camera, request, key), True
        return capture, False

    def _known(self, camera: Camera, request: CaptureRequest, key: str) -> Capture:
        first = Capture.objects.get(requested_by=self.actor, idempotency_key=key)
        if (first.camera_id, first.asked, first.job, first.note) != (
            camera.id,
            request.asked(),
            request.job,
            request.note,
        ):
            raise Mismatch(f"The Idempotency-Key {key!r} was used for another request. Use a new one.")
        return first

    def _arguments(self, capture: Capture, request: CaptureRequest) -> dict[str, Any]:
        return {
            "id": str(capture.id),
            "planned": capture.planned_at.isoformat(),
            "asked": request.asked(),
            "requested_by": self.actor,
            "job": request.job,
        }

    @transaction.atomic
    def _never_sent(
        self, camera: Camera, request: CaptureRequest, key: str, error: ControlError | BrokerDown
    ) -> Outcome:
        """Row and verdict at once: nobody else would ever settle a row without a deadline."""
        capture, known = self._plan(camera, request, key, None)
        if known:
            return Outcome(capture, pending=capture.status == Capture.Status.PLANNED)
        return Outcome(self._failed(capture, error), problem=error)

    def _failed(self, capture: Capture, error: ControlError | BrokerDown) -> Capture:
        """Nothing left this process, so it may say how the capture ended."""
        settle_unstarted(capture.id, "host_down", str(error))
        capture.refresh_from_db()
        return capture

    def finish_capture(self, begun: Begun) -> Outcome:
        """Wait for the outcome; `pending` when it does not come in time."""
        capture = begun.capture
        try:
            record = control.wait(begun.sent).get("record")
        except (TooSlow, BrokerDown):
            log.info("capture %s has no outcome yet", capture.id)
            return self._as_it_stands(capture)
        except ControlError as error:
            return self._as_it_stands(capture, problem=error)
        return self._as_told(capture, record) if record else self._as_it_stands(capture)

    def _as_told(self, capture: Capture, record: Record) -> Outcome:
        """By the record, which is safe on the disk: as the row is, or will be once the database is back."""
        fill(capture, record)
        return Outcome(capture, files_of(capture, record))

    def _as_it_stands(self, capture: Capture, problem: ControlError | None = None) -> Outcome:
        """Read again, but for the camera, which nobody has changed since it was looked up."""
        camera = capture.camera
        capture.refresh_from_db()
        capture.camera = camera
        return Outcome(capture, pending=capture.status == Capture.Status.PLANNED, problem=problem)

    def start_session(self, camera: Camera, request: SessionRequest) -> Session:
        """SessionHeld when one is active; ControlError or BrokerDown when the host could not be told, and then
        the session has failed, or is stopped: it does not start behind the operator's back."""
        if held := Session.objects.active().select_related("camera").filter(camera=camera).first():
            raise SessionHeld(held)
        try:
            deadline_ms = control.reach(camera) + int(START_S * 1000)
        except (HostDown, BrokerDown) as error:
            self._never_started(camera, request, str(error))
            raise
        session = self._planned_session(camera, request)
        order = {"session": session_order(session)}
        try:
            control.wait(control.send(camera, "start", order, wait_s=START_S, deadline_ms=deadline_ms))
        except TooSlow:
            log.info("session %s was not confirmed yet", session.id)
        except (ControlError, BrokerDown):
            self._wish_stopped(session)
            raise
        session.refresh_from_db()
        return session

    def _planned_session(self, camera: Camera, request: SessionRequest) -> Session:
        try:
            with transaction.atomic():
                session = Session.objects.create(
                    camera=camera, name=request.name, programme=request.programme(camera), created_by=self.actor
                )
                record_event(
                    "command", f"{self.actor or 'Someone'} started a session on {camera.slug}.", camera=camera.slug,
                    subject=session.id, actor=self.actor, data=session.programme,
                )  # fmt: skip
        except IntegrityError:
            held = Session.objects.active().select_related("camera").filter(camera=camera).first()
            if held is None:
                raise
            raise SessionHeld(held) from None
        return session

    def _wish_stopped(self, session: Session) -> None:
        """The host lives and may have read the wish already: it settles the row, by a stop that comes after it."""
        Session.objects.filter(pk=session.pk).update(desired=Session.Desired.STOPPED, revision=session.revision + 1)

    def _never_started(self, camera: Camera, request: SessionRequest, message: str) -> None:
        """A row that never was a wish: it has failed from the first."""
        Session.objects.create(
            camera=camera, name=request.name, programme=request.programme(camera), created_by=self.actor,
            state=SessionState.FAILED, desired=Session.Desired.STOPPED, reason="host_down", message=message,
            ended_at=timezone.now(),
        )  # fmt: skip

    def stop_session(self, session: Session) -> Session:
        """Wish it stopped; answered when the session's file says so. When the host is away the wish stands and
        is carried out when it is back: ControlError or BrokerDown says so."""
        with transaction.atomic():
            locked = Session.objects.select_for_update().get(pk=session.pk)
            if locked.state not in {SessionState.PLANNED, SessionState.RUNNING, SessionState.PAUSED}:
                return locked
            if locked.desired != Session.Desired.STOPPED:
                locked.desired, locked.revision = Session.Desired.STOPPED, locked.revision + 1
                locked.save(update_fields=["desired", "revision"])
                record_event(
                    "command", f"{self.actor or 'Someone'} stopped the session on {locked.camera.slug}.",
                    camera=locked.camera.slug, subject=session.pk, actor=self.actor,
                )  # fmt: skip
        control.ask(locked.camera, "stop", {"session": session_order(locked)})
        locked.refresh_from_db()
        return locked


def readout_s(camera: Camera) -> float:
    return float(camera.capabilities.get("readout_s", 1.0))
