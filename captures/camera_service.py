"""`CameraService`: the façade for pages, API, CLI and programs to capture and record.

It inserts planned rows, sends commands to the camera's host through `cameras.commands`, and returns what was observed.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass

import uuid6
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras.broker.broker import BrokerDown
from cameras.command_events import record_desired_change, record_failures, record_outcome, record_refusals
from cameras.commands import control
from cameras.commands.messages import (
    CAPTURE,
    START,
    STOP,
    CaptureAnswer,
    CaptureArguments,
    SessionArguments,
)
from cameras.discovery.bodies import Discovered
from cameras.discovery.service import discover_cameras
from cameras.errors import ControlError, HostDown, TooSlow
from cameras.leases import lease_holders
from cameras.live.snapshot_limiter import next_picture
from cameras.live.viewer_limits import LiveViewRefused
from cameras.models import Camera
from cameras.spool.records import CaptureRecord, FileOptions
from captures.capturing.models import Capture, CaptureFile
from captures.capturing.requests import CaptureRequest, SessionRequest
from captures.ingest.captures import apply_record, fail_unsent_capture, files_from_record
from captures.recording_control.commands import record, stop_recording
from captures.sessions.models import ACTIVE, Session, SessionState
from captures.sessions.session_commands import check_not_ended, describe_desired_session
from captures.storage.health import HealthCheck, health_check
from monitoring.models import Event

log = logging.getLogger(__name__)
MAX_WAIT_S = 10.0
START_DEADLINE_S = 30.0
SESSION_START_S = 10.0
LIVE_WAIT_S = 3.0


class IdempotencyMismatch(Exception):
    """An Idempotency-Key was repeated with another request."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A capture and its state; `pending` when it has no outcome in time. `problem` says why it could not be sent."""

    capture: Capture
    files: list[CaptureFile] | None = None
    """None: not read yet."""
    pending: bool = False
    problem: ControlError | BrokerDown | None = None


@dataclass(frozen=True, slots=True)
class SentCapture:
    """A capture whose command was sent."""

    capture: Capture
    command: control.SentCommand[CaptureAnswer]


class CameraService:
    def __init__(self, actor: str = "") -> None:
        self.actor = actor

    def capture(self, camera: Camera, request: CaptureRequest, *, key: str = "", wait: bool = True) -> Outcome:
        """Take one still. Every planned capture ends with one outcome, even if this call stops waiting for it.

        IdempotencyMismatch when `key` (Idempotency-Key) was used for another request; LeaseHeld when another user holds
        the camera. Neither plans a capture.
        """
        wait_s = min(MAX_WAIT_S, request.exposure_s(camera) + readout_s(camera) + 5.0) if wait else 0.0
        sent = self.begin_capture(camera, request, key=key, wait_s=wait_s)
        if isinstance(sent, Outcome):
            return sent
        return self.finish_capture(sent) if wait else Outcome(sent.capture, pending=True)

    def begin_capture(
        self, camera: Camera, request: CaptureRequest, *, key: str = "", wait_s: float, file: FileOptions | None = None
    ) -> SentCapture | Outcome:
        """Insert the planned row and send the command; returns an Outcome when there is nothing to wait for.
        `wait_s`: seconds from now that `finish_capture` will wait at most."""
        with record_refusals(camera, "capture", self.actor, request.requested_settings()):
            return self._send_capture(camera, request, key, wait_s, file)

    def _send_capture(
        self, camera: Camera, request: CaptureRequest, key: str, wait_s: float, file: FileOptions | None
    ) -> SentCapture | Outcome:
        try:
            deadline_ms = control.check_reachable(camera) + int(START_DEADLINE_S * 1000)
        except (HostDown, BrokerDown) as error:
            return self._record_unsent(camera, request, key, error)
        capture, existed = self._insert_planned(camera, request, key, deadline_ms)
        if existed:
            return Outcome(capture, pending=capture.status == Capture.Status.PLANNED)
        arguments = self._arguments(capture, request)
        if file:
            arguments["file"] = file
        try:
            sent = control.send_command(camera, CAPTURE, arguments, wait_s=wait_s, deadline_ms=deadline_ms)
        except BrokerDown:
            log.warning("capture %s may be sent although the broker failed; its host decides the outcome", capture.id)
            return Outcome(capture, pending=True)
        return SentCapture(capture, sent)

    def _insert_planned(
        self, camera: Camera, request: CaptureRequest, key: str, deadline_ms: int | None
    ) -> tuple[Capture, bool]:
        """The row, and whether it existed. An existing row is returned even if another user holds the camera now."""
        capture = Capture(
            id=uuid6.uuid7(), camera=camera, host=camera.host, asked=request.requested_settings(),
            requested_by=self.actor, job=request.job, note=request.note, driver=camera.kind,
            idempotency_key=key or None, deadline_ms=deadline_ms,
        )  # fmt: skip
        try:
            with transaction.atomic():
                capture.save(force_insert=True)
                lease_holders.check_holder_now(camera, self.actor)
        except IntegrityError:
            return self._find_repeated(camera, request, key), True
        return capture, False

    def _find_repeated(self, camera: Camera, request: CaptureRequest, key: str) -> Capture:
        first = Capture.objects.get(requested_by=self.actor, idempotency_key=key)
        if (first.camera_id, first.asked, first.job, first.note) != (
            camera.id,
            request.requested_settings(),
            request.job,
            request.note,
        ):
            raise IdempotencyMismatch(f"The Idempotency-Key {key!r} was used for another request. Use a new one.")
        return first

    def _arguments(self, capture: Capture, request: CaptureRequest) -> CaptureArguments:
        return CaptureArguments(
            id=str(capture.id),
            planned=capture.planned_at.isoformat(),
            asked=request.requested_settings(),
            requested_by=self.actor,
            job=request.job,
        )

    @transaction.atomic
    def _record_unsent(
        self, camera: Camera, request: CaptureRequest, key: str, error: ControlError | BrokerDown
    ) -> Outcome:
        """Insert the row with its outcome: no host would ever decide a row without a deadline."""
        capture, existed = self._insert_planned(camera, request, key, None)
        if existed:
            return Outcome(capture, pending=capture.status == Capture.Status.PLANNED)
        return Outcome(self._mark_failed(capture, error), problem=error)

    def _mark_failed(self, capture: Capture, error: ControlError | BrokerDown) -> Capture:
        """The command was not sent, so this process decides the outcome."""
        fail_unsent_capture(capture.id, "host_down", str(error))
        capture.refresh_from_db()
        return capture

    def finish_capture(self, sent: SentCapture) -> Outcome:
        """Wait for the outcome; `pending` when it does not come in time."""
        capture = sent.capture
        try:
            record = control.wait_for_answer(sent.command)["record"]
        except (TooSlow, BrokerDown):
            log.info("capture %s has no outcome yet", capture.id)
            return self._outcome_from_row(capture)
        except ControlError as error:
            return self._outcome_from_row(capture, problem=error)
        return self._outcome_from_record(capture, record) if record else self._outcome_from_row(capture)

    def _outcome_from_record(self, capture: Capture, record: CaptureRecord) -> Outcome:
        """The outcome in the record, which is safe on the disk. The row has it too, at the latest when the database is
        back."""
        apply_record(capture, record)
        return Outcome(capture, files_from_record(capture, record))

    def _outcome_from_row(self, capture: Capture, problem: ControlError | None = None) -> Outcome:
        """The outcome in the row, which is read again. The camera is not: it was read a moment ago."""
        camera = capture.camera
        capture.refresh_from_db()
        capture.camera = camera
        return Outcome(capture, pending=capture.status == Capture.Status.PLANNED, problem=problem)

    def start_session(self, camera: Camera, request: SessionRequest) -> Session:
        """LeaseHeld when another user holds the camera, SessionRunning when a session is active: neither creates a
        session.

        ControlError or BrokerDown when the command did not reach the host: the session has failed or is stopped, so it
        does not start later unnoticed.
        """
        with record_refusals(camera, "start", self.actor, request.programme(camera)):
            return self._start_session(camera, request)

    def _start_session(self, camera: Camera, request: SessionRequest) -> Session:
        lease_holders.check_holder_now(camera, self.actor)
        lease_holders.check_no_session(camera)
        deadline_ms = self._reach_host(camera, request) + int(SESSION_START_S * 1000)
        session, event = self._insert_session(camera, request)
        try:
            with record_outcome(event):
                self._send_start(session, deadline_ms)
        except TooSlow:
            log.info("session %s was not confirmed yet", session.id)
        except (ControlError, BrokerDown):
            self._store_stopped(session)
            raise
        session.refresh_from_db()
        return session

    def _reach_host(self, camera: Camera, request: SessionRequest) -> int:
        with record_failures(camera, "start", self.actor, request.programme(camera)):
            try:
                return control.check_reachable(camera)
            except (HostDown, BrokerDown) as error:
                self._record_unstarted(camera, request, str(error))
                raise

    @staticmethod
    def _send_start(session: Session, deadline_ms: int) -> None:
        arguments = SessionArguments(session=describe_desired_session(session))
        control.wait_for_answer(
            control.send_command(session.camera, START, arguments, wait_s=SESSION_START_S, deadline_ms=deadline_ms)
        )

    def _insert_session(self, camera: Camera, request: SessionRequest) -> tuple[Session, Event]:
        try:
            with transaction.atomic():
                session = Session.objects.create(
                    camera=camera, name=request.name, programme=request.programme(camera), created_by=self.actor
                )
                lease_holders.check_holder_now(camera, self.actor)
                did = f"started a session on {camera.slug}."
                event = record_desired_change(camera, "start", did, self.actor, session.programme, subject=session.id)
        except IntegrityError:
            lease_holders.check_holder_now(camera, self.actor)
            lease_holders.check_no_session(camera)
            raise
        return session, event

    def _store_stopped(self, session: Session) -> None:
        """The host is alive and may have read the desired state already: this newer revision stops the session."""
        Session.objects.filter(pk=session.pk).update(desired=Session.Desired.STOPPED, revision=session.revision + 1)

    def _record_unstarted(self, camera: Camera, request: SessionRequest, message: str) -> None:
        """Insert the session as failed: no host has ever read it."""
        Session.objects.create(
            camera=camera, name=request.name, programme=request.programme(camera), created_by=self.actor,
            state=SessionState.FAILED, desired=Session.Desired.STOPPED, reason="host_down", message=message,
            ended_at=timezone.now(),
        )  # fmt: skip

    def stop_session(self, session: Session) -> Session:
        """Stop the session; returns when its host has stored the stop.

        ControlError or BrokerDown when the host does not answer: the stop is stored and applies when the host is back.
        LeaseHeld when another user holds the camera: nothing is stored.
        """
        with record_refusals(session.camera, "stop", self.actor), transaction.atomic():
            locked = Session.objects.select_for_update().get(pk=session.pk)
            if locked.state not in ACTIVE:
                return locked
            event = self._set_desired(locked, Session.Desired.STOPPED, "stop", "stopped")
        with record_outcome(event) if event else nullcontext():
            control.run_command(locked.camera, STOP, SessionArguments(session=describe_desired_session(locked)))
        locked.refresh_from_db()
        return locked

    def pause_session(self, session: Session) -> Session:
        """Pause the session until `resume_session`, also across restarts. A running capture ends first, so the session
        may still be running when this returns (`desired` is paused).

        SessionEnded or LeaseHeld: nothing is stored. Any other ControlError, or BrokerDown: the pause is stored and
        applies when the host is back.
        """
        return self._change_desired(session, Session.Desired.PAUSED, "pause", "paused")

    def resume_session(self, session: Session) -> Session:
        """Resume a paused session; the starts missed meanwhile are recorded as a gap. Raises what `pause_session`
        raises."""
        return self._change_desired(session, Session.Desired.RUNNING, "resume", "resumed")

    def _change_desired(self, session: Session, desired: Session.Desired, command: str, did: str) -> Session:
        with record_refusals(session.camera, command, self.actor), transaction.atomic():
            locked = Session.objects.select_for_update().get(pk=session.pk)
            check_not_ended(locked, command)
            event = self._set_desired(locked, desired, command, did)
        try:
            with record_outcome(event) if event else nullcontext():
                arguments = SessionArguments(session=describe_desired_session(locked))
                control.run_command(locked.camera, START, arguments, wait_s=MAX_WAIT_S)
        except TooSlow:
            log.info("session %s was not %s yet: a capture runs", locked.id, did)
        locked.refresh_from_db()
        return locked

    def _set_desired(self, locked: Session, desired: Session.Desired, command: str, did: str) -> Event | None:
        """The event; None when the state is desired already: the command is then only sent again."""
        lease_holders.check_holder_now(locked.camera, self.actor)
        if locked.desired == desired:
            return None
        locked.desired, locked.revision = desired, locked.revision + 1
        locked.save(update_fields=["desired", "revision"])
        message = f"{did} the session on {locked.camera.slug}."
        return record_desired_change(locked.camera, command, message, self.actor, {}, subject=locked.pk)

    # Recording, for programs: a camera's id is its slug

    @staticmethod
    def detect_cameras() -> list[Discovered]:
        """Devices attached to the camera hosts, in use or free. Recordings continue. BrokerDown."""
        return discover_cameras()["results"]

    def start_recording(self, camera_id: str) -> bool:
        """True once its first frame is in a clip; False when recording is already on or the camera does not exist.

        ValidationError for a camera without a stream; LeaseHeld when another user holds it; RecordingDeferred when it
        does not record yet.
        """
        camera = _find_camera(camera_id)
        return camera is not None and not camera.recording and record(camera, actor=self.actor)["recording"]

    def stop_recording(self, camera_id: str) -> bool:
        """True once its last clip is finished; False when recording is off or the camera does not exist. LeaseHeld,
        RecordingDeferred."""
        camera = _find_camera(camera_id)
        return camera is not None and bool(camera.recording) and not stop_recording(camera, self.actor)["recording"]

    @staticmethod
    def get_live_frame(camera_id: str, quality: str = "medium") -> bytes | None:
        """The newest picture of the live feed as JPEG; None when live view is off or no picture arrives in time.
        Call it from a thread without an event loop."""
        if _find_camera(camera_id) is None:
            return None
        try:
            picture = next_picture(camera_id, quality, LIVE_WAIT_S)
        except (BrokerDown, LiveViewRefused):
            return None
        return picture.jpeg if picture else None

    @staticmethod
    def health_check() -> HealthCheck:
        return health_check()


def _find_camera(slug: str) -> Camera | None:
    return Camera.objects.present().filter(slug=slug).first()


def readout_s(camera: Camera) -> float:
    return float(camera.capabilities.get("readout_s", 1.0))
