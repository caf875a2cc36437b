"""Runs exposures, of commands and of sessions: the plan, the exposure, and the hand-over to the still thread."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

import uuid6

from cameras.drivers.base import Aborted, CameraError, Exposure
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.consumers import StillConsumer
from cameras.runtime.device import Device
from cameras.runtime.session_runner import Due, SessionRunner
from cameras.runtime.stills import Still, StillQueue
from cameras.runtime.storage_holder import StorageHolder, disk_reason
from cameras.spool.durable import LockLost
from cameras.spool.session_files import Programme
from cameras.spool.spool import FileOptions, Plan, Record
from cameras.spool.storage import RootMissing

REMEMBERED = 1000
ABORTED = {
    "station_stopped": "The station was stopped during the exposure.",
    "session_stopped": "The session was stopped during the exposure.",
    "camera_hung": "The camera did not deliver in time, and the exposure was aborted.",
}
Command = dict[str, Any]


def requested_exposure(programme: Programme) -> dict[str, Any]:
    """The settings that each exposure of a session requests."""
    names = {"exposure_us", "gain", "iso", "f_number", "format"}
    return {name: value for name, value in programme.items() if name in names}


class ExposureRunner:
    def __init__(
        self,
        device: Device,
        storage_holder: StorageHolder,
        runner: SessionRunner,
        writer: StillConsumer,
        buffer: SharedFrameBuffer,
    ) -> None:
        self.device, self.storage_holder, self.runner = device, storage_holder, runner
        self.writer, self.buffer = writer, buffer
        self.spec, self.clock, self.reporter = device.spec, device.clock, device.reporter
        self.queue = StillQueue(
            writer, runner, self._handle_record, self._handle_lost_storage, storage_holder.describe_error
        )
        self.session: str | None = None
        """The session whose exposure is running."""
        self.abort_reason = ""
        self._seen: deque[str] = deque(maxlen=REMEMBERED)
        self._to_delete: deque[Exposure] = deque()

    # Captures

    def expose_command(self, command: Command) -> None:
        """Expose a requested capture. An id is never exposed twice."""
        if command["id"] in self._seen:
            return
        waited_ms = (self.clock.monotonic() - command["received"]) * 1000
        plan = self._make_plan(command["id"], command["asked"], command, command["planned"])
        if waited_ms > command["remaining_ms"]:
            self.fail_capture(plan, "too_slow", "The camera was busy until the command's deadline was over.", command)
        else:
            self._expose(plan, command)

    def expose_for_session(self, due: Due) -> None:
        session = self.runner.session
        if session is None:
            return
        requested, by = requested_exposure(session.programme), {"requested_by": session.created_by}
        plan = self._make_plan(str(uuid6.uuid7()), requested, by)
        plan["session"], plan["index"] = due.session, due.index
        self.runner.mark_planned(due.index)
        self.session = due.session
        try:
            self._expose(plan, {})
        finally:
            self.session = None

    def record_unexposed(self, command: Command, reason: str, message: str) -> None:
        """Record the outcome of a requested capture that will not be exposed."""
        plan = self._make_plan(command["id"], command["asked"], command, command["planned"])
        self.fail_capture(plan, reason, message, command)

    def forbid_capture(self, capture: str) -> None:
        """Never expose this capture, even if its command arrives late: the Supervisor decides its outcome."""
        self._seen.append(capture)

    def has_seen(self, capture: str) -> bool:
        storage = self.storage_holder.storage
        return capture in self._seen or (storage is not None and storage.spool.has_trace(capture))

    # Plan and exposure

    def _make_plan(self, capture: str, requested: dict[str, Any], by: Command, planned: str = "") -> Plan:
        self._seen.append(capture)
        now = self.clock.moment()
        file: FileOptions | None = by.get("file")
        plan = Plan(
            id=capture,
            camera=self.spec["camera"],
            slug=self.spec["slug"],
            session=None,
            index=None,
            planned=planned or now.iso(),
            boot=now.boot,
            boot_s=now.boot_s,
            deadline_s=self.device.allowed_s(requested),
            path=self.writer.file_path(capture, datetime.fromtimestamp(now.wall, UTC), file["name"] if file else ""),
            asked=requested,
            requested_by=by.get("requested_by", ""),
            job=by.get("job", ""),
        )
        return {**plan, "file": file} if file else plan

    def _expose(self, plan: Plan, command: Command) -> None:
        """Write the plan, expose, and pass the picture to the still thread."""
        try:
            self._write_plan(plan)
        except FileExistsError:
            return
        except (RootMissing, LockLost) as error:
            self._handle_lost_storage(error)
            reason = "root_missing" if isinstance(error, RootMissing) else "write_error"
            self.reporter.refuse_command(command, reason, str(error))
            return
        except OSError as error:
            self.fail_capture(plan, disk_reason(error), self.storage_holder.describe_error(error), command)
            return
        self.reporter.report_state("busy")
        try:
            exposure = self.device.expose(plan["asked"], plan["deadline_s"])
        except Aborted:
            self._record_abort(plan, command)
        except CameraError as error:
            self.fail_capture(plan, error.reason, str(error), command)
            self.handle_camera_error(error)
        else:
            self._hand_over(plan, command, exposure)

    def _write_plan(self, plan: Plan) -> None:
        """Also creates the folder of the files, so that a full disk is detected before the shutter opens."""
        storage = self.storage_holder.storage
        assert storage is not None
        storage.check()
        storage.files.make_folders(plan["path"].rpartition("/")[0])
        storage.spool.plan(plan)

    def _hand_over(self, plan: Plan, command: Command, exposure: Exposure) -> None:
        self.device.record_success()
        self._enqueue_still(self._make_still(plan, command, exposure=exposure))
        if exposure.frame is not None and not self.device.streams_exposures:
            self.buffer.put_frame(exposure.frame)
        self.reporter.report_state("ready")

    def _record_abort(self, plan: Plan, command: Command) -> None:
        reason, self.abort_reason = self.abort_reason or "interrupted", ""
        self.clock.clear_abort()
        message = ABORTED.get(reason, "The exposure was aborted.")
        self.fail_capture(plan, reason, message, command)
        self.reporter.report_state("ready")
        if reason == "camera_hung":
            self.handle_camera_error(CameraError(message))

    def handle_camera_error(self, error: CameraError) -> None:
        """The camera failed: starts that are missed until it is back have this reason. A rejected setting is not
        treated as a camera failure."""
        if error.reason == "rejected_setting":
            self.reporter.report_state("ready")
            return
        self.runner.note_outage(error.reason, str(error))
        self.device.handle_failure(error)

    def fail_capture(self, plan: Plan, reason: str, message: str, command: Command) -> None:
        """Record an outcome without a picture, after the stills that wait to be written."""
        self._enqueue_still(self._make_still(plan, command, reason=reason, message=message))

    def _make_still(self, plan: Plan, command: Command, **fields: Any) -> Still:
        device = self.device
        return Still(plan, device.identity, self.spec["kind"], command=command.get("command_id", ""), **fields)

    def _enqueue_still(self, still: Still) -> None:
        assert self.storage_holder.storage is not None
        self.queue.put(self.storage_holder.storage, still)

    # On the still thread

    def _handle_record(self, record: Record, still: Still) -> None:
        body = record["body"]
        self.reporter.last_capture = {
            "id": record["id"], "status": body["outcome"], "reason": body["reason"], "at": body["ended"],
        }  # fmt: skip
        self.reporter.report_record(record["id"], still.command)
        if still.exposure is not None and still.exposure.card and body["outcome"] == "saved":
            self._to_delete.append(still.exposure)
        if still.exposure is not None and record["files"]:
            self.writer.handle_saved(record, still.exposure)
        self.clock.wake()

    def _handle_lost_storage(self, error: Exception) -> None:
        self.storage_holder.mark_lost(error)
        self.clock.wake()

    # Afterwards, on the thread of the camera loop

    def clear_card(self) -> None:
        """Delete pictures from the camera's card that are safe in the archive."""
        while self._to_delete and self.device.open:
            try:
                self.device.delete_from_card(self._to_delete.popleft())
            except CameraError as error:
                self.handle_camera_error(error)
