"""`CaptureService` takes captures for pages, API, the PixeLink service and programs.

It inserts planned rows, sends commands to the camera's host through `cameras.commands`, and returns what was observed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

import uuid6
from django.db import IntegrityError, transaction

from cameras import leases
from cameras.capture_options import check_options
from cameras.command_events import record_refusals
from cameras.commands import control
from cameras.commands.messages import CAPTURE, CaptureAnswer, CaptureArguments
from cameras.errors import ControlError, HostDown, TooSlow
from cameras.models import Camera
from cameras.spool.records import CaptureRecord, FileOptions
from captures.capturing.models import Capture
from captures.capturing.outcomes import Outcome, fail_unsent_capture
from captures.capturing.records import apply_record, files_from_record, references_from_record
from captures.capturing.requests import CaptureRequest
from core.broker.broker import BrokerDown

log = logging.getLogger(__name__)
MAX_WAIT_S = 10.0
START_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class SentCapture:
    """A capture whose command was sent."""

    capture: Capture
    command: control.SentCommand[CaptureAnswer]


class CaptureService:
    def __init__(self, actor: str = "") -> None:
        self.actor = actor

    def capture(
        self, camera: Camera, request: CaptureRequest, *, new_id: UUID | None = None, wait: bool = True
    ) -> Outcome:
        """Take one still. Every planned capture ends with one outcome, even if this call stops waiting for it.

        `new_id` becomes its id. A capture that has this id already is the answer, as it is now, and none is taken.
        LeaseHeld when another user holds the camera, ValidationError for an option that it does not take: no capture
        is planned.
        """
        wait_s = min(MAX_WAIT_S, request.exposure_s(camera) + readout_s(camera) + 5.0) if wait else 0.0
        sent = self.begin_capture(camera, request, new_id=new_id, wait_s=wait_s)
        if isinstance(sent, Outcome):
            return sent
        return self.finish_capture(sent) if wait else Outcome(sent.capture, pending=True)

    def begin_capture(
        self, camera: Camera, request: CaptureRequest, *, new_id: UUID | None = None, wait_s: float,
        file: FileOptions | None = None,
    ) -> SentCapture | Outcome:  # fmt: skip
        """Insert the planned row and send the command; returns an Outcome when there is nothing to wait for.
        `wait_s`: seconds from now that `finish_capture` will wait at most. ValidationError for an option that the
        camera does not take."""
        check_options(camera, request.options)
        with record_refusals(camera, "capture", self.actor, request.requested_settings()):
            return self._send_capture(camera, request, new_id, wait_s, file)

    def _send_capture(
        self, camera: Camera, request: CaptureRequest, new_id: UUID | None, wait_s: float, file: FileOptions | None
    ) -> SentCapture | Outcome:
        try:
            # Before the row is inserted: a capture that cannot be sent gets its outcome at once.
            deadline_ms = control.check_reachable(camera) + int(START_DEADLINE_S * 1000)
        except (HostDown, BrokerDown) as error:
            return self._record_unsent(camera, request, new_id, error)
        capture, existed = self._insert_planned(camera, request, new_id, deadline_ms)
        if existed:
            return Outcome(capture, pending=capture.status == Capture.Status.PLANNED)
        # The row is committed before the command is sent: its record may be ingested at any moment after that, and if
        # the command is lost, the host finds the overdue row.
        arguments = _arguments(capture, request)
        if file:
            arguments["file"] = file
        try:
            sent = control.send_command(camera, CAPTURE, arguments, wait_s=wait_s, deadline_ms=deadline_ms)
        except BrokerDown:
            # The broker may have stored the command before it failed: an outcome from here could contradict the record.
            log.warning("capture %s may be sent although the broker failed; its host decides the outcome", capture.id)
            return Outcome(capture, pending=True)
        return SentCapture(capture, sent)

    def _insert_planned(
        self, camera: Camera, request: CaptureRequest, new_id: UUID | None, deadline_ms: int | None
    ) -> tuple[Capture, bool]:
        """The row, and whether it existed. An existing row is returned even if another user holds the camera now."""
        capture = Capture(
            id=new_id or uuid6.uuid7(), camera=camera, host=camera.host, asked=request.requested_settings(),
            requested_by=self.actor, job=request.job, note=request.note, driver=camera.kind,
            deadline_ms=deadline_ms,
        )  # fmt: skip
        try:
            # A savepoint within `_record_unsent`: on PostgreSQL an IntegrityError would otherwise end its transaction.
            with transaction.atomic():
                capture.save(force_insert=True)
                # After the insert, so that a repetition finds its capture first. LeaseHeld undoes the insert.
                leases.check_holder_now(camera, self.actor)
        except IntegrityError:
            if new_id is None:
                raise
            # Read after the insert has failed: of two requests at once, the second one waits for the first one's row.
            return Capture.objects.get(pk=new_id), True
        return capture, False

    @transaction.atomic
    def _record_unsent(
        self, camera: Camera, request: CaptureRequest, new_id: UUID | None, error: ControlError | BrokerDown
    ) -> Outcome:
        """Insert the row with its outcome: no host would ever decide a row without a deadline."""
        capture, existed = self._insert_planned(camera, request, new_id, None)
        if existed:
            return Outcome(capture, pending=capture.status == Capture.Status.PLANNED)
        return Outcome(_mark_failed(capture, error), problem=error)

    def finish_capture(self, sent: SentCapture) -> Outcome:
        """Wait for the outcome; `pending` when it does not come in time."""
        capture = sent.capture
        try:
            record = control.wait_for_answer(sent.command)["record"]
        except (TooSlow, BrokerDown):
            # TooSlow is a ControlError too, but says nothing about the capture: the row may have its outcome already.
            log.info("capture %s has no outcome yet", capture.id)
            return _outcome_from_row(capture)
        except ControlError as error:
            return _outcome_from_row(capture, problem=error)
        return _outcome_from_record(capture, record) if record else _outcome_from_row(capture)


def readout_s(camera: Camera) -> float:
    return float(camera.capabilities.get("readout_s", 1.0))


def _arguments(capture: Capture, request: CaptureRequest) -> CaptureArguments:
    return CaptureArguments(
        id=str(capture.id),
        planned=capture.planned_at.isoformat(),
        asked=request.requested_settings(),
        requested_by=capture.requested_by,
        job=request.job,
    )


def _mark_failed(capture: Capture, error: ControlError | BrokerDown) -> Capture:
    """The command was not sent, so this process decides the outcome."""
    fail_unsent_capture(capture.id, "host_down", str(error))
    capture.refresh_from_db()
    return capture


def _outcome_from_record(capture: Capture, record: CaptureRecord) -> Outcome:
    """The outcome in the record, which is safe on the disk. The row has it too, at the latest when the database is
    back."""
    apply_record(capture, record)
    capture.shown_files = files_from_record(capture, record)
    capture.shown_references = references_from_record(capture, record)
    return Outcome(capture)


def _outcome_from_row(capture: Capture, problem: ControlError | None = None) -> Outcome:
    """The outcome in the row, which is read again. The camera is not: it was read a moment ago."""
    camera = capture.camera
    capture.refresh_from_db()
    capture.camera = camera
    return Outcome(capture, pending=capture.status == Capture.Status.PLANNED, problem=problem)
