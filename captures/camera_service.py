"""`CameraService`: the façade through which pages, API, CLI and programs have cameras capture and record.

It plans rows, sends commands through `cameras.control` to the camera's host, whichever that is, and answers with what
was observed.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import uuid6
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras import control, leases
from cameras.broker import BrokerDown
from cameras.commands import failures_told, outcome_in, refusals_told, wished
from cameras.control import ControlError, HostDown, TooSlow
from cameras.detection import detect
from cameras.live.snapshot_limiter import next_picture
from cameras.live.viewer_limits import LiveViewRefused
from cameras.models import Camera
from cameras.runtime.spool import FileWish, Record
from cameras.serializers import Detected
from captures.health import HealthCheck, health_check
from captures.ingest import files_of, fill, settle_unstarted
from captures.models import Capture, CaptureFile, Session
from captures.models.session import ACTIVE, SessionState
from captures.recording.orders import record, stop_recording
from captures.requests import CaptureRequest, SessionRequest
from captures.sessions.orders import check_goes_on, session_order
from monitoring.models import Event

log = logging.getLogger(__name__)
MOST_WAIT_S = 10.0
BEGIN_WITHIN_S = 30.0
START_S = 10.0
LIVE_WAIT_S = 3.0


class Mismatch(Exception):
    """An Idempotency-Key came again with another request."""


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

        Mismatch when `key` (Idempotency-Key) was used for another request; Held by another: then nothing was planned.
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
        with refusals_told(camera, "capture", self.actor, request.asked()):
            return self._begin(camera, request, key, wait_s, file)

    def _begin(
        self, camera: Camera, request: CaptureRequest, key: str, wait_s: float, file: FileWish | None
    ) -> Begun | Outcome:
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
        """The row, and whether it was there already: then it is answered whoever holds the camera by now."""
        capture = Capture(
            id=uuid6.uuid7(), camera=camera, host=camera.host, asked=request.asked(), requested_by=self.actor,
            job=request.job, note=request.note, driver=camera.kind, idempotency_key=key or None,
            deadline_ms=deadline_ms,
        )  # fmt: skip
        try:
            with transaction.atomic():
                capture.save(force_insert=True)
                leases.check_now(camera, self.actor)
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
        """Held by another, SessionRuns when one is active, whose ever: then there is no session.

        ControlError or BrokerDown when the host could not be told: the session has failed, or is stopped, and does not
        start behind the operator's back.
        """
        with refusals_told(camera, "start", self.actor, request.programme(camera)):
            return self._start(camera, request)

    def _start(self, camera: Camera, request: SessionRequest) -> Session:
        leases.check_now(camera, self.actor)
        leases.check_idle(camera)
        deadline_ms = self._reached(camera, request) + int(START_S * 1000)
        session, event = self._planned_session(camera, request)
        try:
            with outcome_in(event):
                self._send_start(session, deadline_ms)
        except TooSlow:
            log.info("session %s was not confirmed yet", session.id)
        except (ControlError, BrokerDown):
            self._wish_stopped(session)
            raise
        session.refresh_from_db()
        return session

    def _reached(self, camera: Camera, request: SessionRequest) -> int:
        with failures_told(camera, "start", self.actor, request.programme(camera)):
            try:
                return control.reach(camera)
            except (HostDown, BrokerDown) as error:
                self._never_started(camera, request, str(error))
                raise

    @staticmethod
    def _send_start(session: Session, deadline_ms: int) -> None:
        order = {"session": session_order(session)}
        control.wait(control.send(session.camera, "start", order, wait_s=START_S, deadline_ms=deadline_ms))

    def _planned_session(self, camera: Camera, request: SessionRequest) -> tuple[Session, Event]:
        try:
            with transaction.atomic():
                session = Session.objects.create(
                    camera=camera, name=request.name, programme=request.programme(camera), created_by=self.actor
                )
                leases.check_now(camera, self.actor)
                did = f"started a session on {camera.slug}."
                event = wished(camera, "start", did, self.actor, session.programme, subject=session.id)
        except IntegrityError:
            leases.check_now(camera, self.actor)
            leases.check_idle(camera)
            raise
        return session, event

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
        is carried out when it is back: ControlError or BrokerDown says so. Held: nothing was wished."""
        with refusals_told(session.camera, "stop", self.actor), transaction.atomic():
            locked = Session.objects.select_for_update().get(pk=session.pk)
            if locked.state not in ACTIVE:
                return locked
            event = self._desire(locked, Session.Desired.STOPPED, "stop", "stopped")
        with outcome_in(event) if event else nullcontext():
            control.ask(locked.camera, "stop", {"session": session_order(locked)})
        locked.refresh_from_db()
        return locked

    def pause_session(self, session: Session) -> Session:
        """Ask for no further capture until `resume_session`; one that runs ends first, so the session may still be
        running when this returns (`desired` is paused). It stays paused across restarts.

        SessionEnded, Held: nothing was asked. Another ControlError or BrokerDown: it is stored, and is carried out when
        the host is back.
        """
        return self._move_session(session, Session.Desired.PAUSED, "pause", "paused")

    def resume_session(self, session: Session) -> Session:
        """Go on with a paused session; the starts that passed meanwhile are a gap. The same errors as of
        `pause_session`."""
        return self._move_session(session, Session.Desired.RUNNING, "resume", "resumed")

    def _move_session(self, session: Session, desired: Session.Desired, order: str, did: str) -> Session:
        with refusals_told(session.camera, order, self.actor), transaction.atomic():
            locked = Session.objects.select_for_update().get(pk=session.pk)
            check_goes_on(locked, order)
            event = self._desire(locked, desired, order, did)
        try:
            with outcome_in(event) if event else nullcontext():
                control.ask(locked.camera, "start", {"session": session_order(locked)}, wait_s=MOST_WAIT_S)
        except TooSlow:
            log.info("session %s was not %s yet: a capture runs", locked.id, did)
        locked.refresh_from_db()
        return locked

    def _desire(self, locked: Session, desired: Session.Desired, order: str, did: str) -> Event | None:
        """None when it is asked for already: then the host is only asked once more."""
        leases.check_now(locked.camera, self.actor)
        if locked.desired == desired:
            return None
        locked.desired, locked.revision = desired, locked.revision + 1
        locked.save(update_fields=["desired", "revision"])
        said = f"{did} the session on {locked.camera.slug}."
        return wished(locked.camera, order, said, self.actor, {}, subject=locked.pk)

    # Recording, for programs: a camera's id is its slug

    @staticmethod
    def detect_cameras() -> list[Detected]:
        """What is attached to the camera hosts, in use or free. Recordings go on. BrokerDown."""
        return detect()["results"]

    def start_recording(self, camera_id: str) -> bool:
        """True once its first frame is in a clip; False when it shall record already, or there is no such camera.

        ValidationError for a camera without a stream, Held by another, Kept where it does not record yet.
        """
        camera = _present(camera_id)
        return camera is not None and not camera.recording and record(camera, actor=self.actor)["recording"]

    def stop_recording(self, camera_id: str) -> bool:
        """True once its last clip is filed; False when it shall not record, or there is no such camera. Held, Kept."""
        camera = _present(camera_id)
        return camera is not None and bool(camera.recording) and not stop_recording(camera, self.actor)["recording"]

    @staticmethod
    def get_live_frame(camera_id: str, quality: str = "medium") -> bytes | None:
        """The newest picture as JPEG, from the live feed; None when live view is switched off, or none comes in time.
        From a thread without an event loop."""
        if _present(camera_id) is None:
            return None
        try:
            picture = next_picture(camera_id, quality, LIVE_WAIT_S)
        except (BrokerDown, LiveViewRefused):
            return None
        return picture.jpeg if picture else None

    @staticmethod
    def health_check() -> HealthCheck:
        return health_check()


def _present(slug: str) -> Camera | None:
    return Camera.objects.present().filter(slug=slug).first()


def readout_s(camera: Camera) -> float:
    return float(camera.capabilities.get("readout_s", 1.0))
