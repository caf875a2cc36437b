"""Runs exposures, of commands and of sessions: the plan, the exposure, and the hand-over to the still thread."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any, Protocol

from cameras.drivers.base import Aborted, CameraError, Exposure
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.clock import ClockMonitor
from cameras.runtime.command_inbox import WaitingCapture
from cameras.runtime.device import Device
from cameras.runtime.device_timing import DeviceTiming
from cameras.runtime.due_stills import Due
from cameras.runtime.file_formats import DEFAULT_FORMATS
from cameras.runtime.messages import CaptureCommand
from cameras.runtime.ports import LoopPorts
from cameras.runtime.session_exposure import SessionExposure
from cameras.runtime.session_runner import SessionRunner
from cameras.runtime.spec import Spec
from cameras.runtime.still_queue import StillQueue
from cameras.runtime.stills import Still
from cameras.runtime.storage_holder import StorageHolder
from cameras.spool.durable import LockLost
from cameras.spool.full_disk import disk_reason
from cameras.spool.moments import Moment
from cameras.spool.records import Plan, StillFormats
from cameras.spool.session_files import SessionFile, new_id
from cameras.spool.storage import RootMissing

# Ids of captures. The spool forgets an id once its record is ingested, and its command may arrive again.
REMEMBERED = 1000
ABORTED = {
    "station_stopped": "The station was stopped during the exposure.",
    "session_stopped": "The session was stopped during the exposure.",
    "camera_hung": "The camera did not deliver in time, and the exposure was aborted.",
}


class FilePath(Protocol):
    """`StillConsumer.file_path`."""

    def __call__(
        self, capture: str, at: datetime, name: str = "", *, index: int | None = None, exposure_us: int | None = None
    ) -> str: ...


class Planner:
    """Makes the plans of captures. `file_path`: `StillConsumer.file_path`. Used by the camera loop's thread."""

    def __init__(self, spec: Spec, timing: DeviceTiming, file_path: FilePath) -> None:
        self._camera, self._slug, self.kind = spec["camera"], spec["slug"], spec["kind"]
        self._timing, self._file_path = timing, file_path
        self._formats = spec.get("formats", DEFAULT_FORMATS)

    def set_formats(self, formats: StillFormats) -> None:
        """The files that are made of the following captures."""
        self._formats = formats

    def plan_command(self, command: CaptureCommand, now: Moment) -> Plan:
        options = command.get("file")
        plan = self._plan(command["id"], command["asked"], now, options["name"] if options else "")
        plan["planned"] = command["planned"] or plan["planned"]
        plan["requested_by"], plan["job"] = command.get("requested_by", ""), command.get("job", "")
        if options:
            plan["file"] = options
        return plan

    def plan_session(self, due: Due, requested_by: str, now: Moment) -> Plan:
        plan = self._plan(new_id(), due.requested, now, index=due.index)
        plan["session"], plan["requested_by"] = due.session, requested_by
        if due.following is not None:
            plan["following"] = due.following
        if due.observation is not None:
            plan["observation"] = due.observation
        return plan

    def _plan(
        self, capture: str, requested: dict[str, Any], now: Moment, name: str = "", index: int | None = None
    ) -> Plan:
        at, exposure_us = datetime.fromtimestamp(now.wall, UTC), requested.get("exposure_us")
        return Plan(
            id=capture,
            camera=self._camera,
            slug=self._slug,
            session=None,
            index=index,
            planned=now.iso(),
            boot=now.boot,
            boot_s=now.boot_s,
            deadline_s=self._timing.allowed_s(requested),
            path=self._file_path(capture, at, name, index=index, exposure_us=exposure_us),
            asked=requested,
            requested_by="",
            job="",
            formats=self._formats,
        )


class ExposureRunner:
    """Used by the camera loop's thread, except for `abort` and `abort_session`.

    A capture is planned, exposed, and written by the still thread. What each error leads to:

    | step    | error                         | outcome                                                     |
    |---------|-------------------------------|-------------------------------------------------------------|
    | plan    | its id is in the spool        | none: no id is exposed twice                                |
    | plan    | the storage root is lost      | refused; without a plan the Supervisor decides its outcome  |
    | plan    | the disk is full or fails     | failed                                                      |
    | exposure| `abort`                       | failed, with the reason of the abort                        |
    | exposure| the camera rejects a setting  | failed; the camera stays open                               |
    | exposure| any other error of the camera | failed; the camera is closed and opened again               |
    """

    def __init__(
        self,
        device: Device,
        planner: Planner,
        storage_holder: StorageHolder,
        runner: SessionRunner,
        session_exposure: SessionExposure,
        stills: StillQueue,
        buffer: SharedFrameBuffer,
        ports: LoopPorts,
    ) -> None:
        self._device, self._planner, self._storage_holder = device, planner, storage_holder
        self._runner, self._session_exposure, self._stills, self._buffer = runner, session_exposure, stills, buffer
        self._clock, self._inbox = ports.clock, ports.inbox
        self._reporter, self._handle_error = ports.reporter, ports.handle_error
        self._clock_monitor = ClockMonitor(ports.clock)
        self._session: str | None = None
        """The session whose exposure is running."""
        self._abort_reason = ""
        self._seen: deque[str] = deque(maxlen=REMEMBERED)

    @property
    def is_free(self) -> bool:
        """Whether the camera may expose now: not too many pictures are still to be fetched from it."""
        return self._stills.unfetched <= self._device.capabilities.overlap

    # From any thread

    def abort(self, reason: str) -> None:
        """End the running exposure."""
        # Before the abort, after which the camera loop reads it.
        self._abort_reason = reason
        self._clock.abort()
        self._device.driver.abort()

    def abort_session(self, session: str) -> None:
        """End the running exposure, if it is one of this session."""
        if self._session == session:
            self.abort("session_stopped")

    # Captures

    def expose_command(self, waiting: WaitingCapture) -> None:
        """Expose a requested capture. An id is never exposed twice."""
        command = waiting.command
        if command["id"] in self._seen:
            return
        waited_ms = (self._clock.monotonic() - waiting.received) * 1000
        plan = self._plan_command(command)
        if waited_ms > command["remaining_ms"]:
            message = "The camera was busy until the command's deadline was over."
            self._fail(plan, "too_slow", message, command)
        else:
            with self._device.stream.interrupted_by_still():
                self._expose(plan, command)

    def expose_for_session(self, due: Due) -> None:
        session = self._runner.session
        if session is None:
            return
        self._session = due.session
        try:
            # Before this line a stop finds no exposure to abort. The loop applies it in the next round.
            if not self._inbox.has_stop(due.session):
                self._expose_planned(due, session)
        finally:
            self._session = None

    def _expose_planned(self, due: Due, session: SessionFile) -> None:
        plan = self._planner.plan_session(due, session.created_by, self._clock.moment())
        self._seen.append(plan["id"])
        # Before the exposure: the still thread may settle this index at any time after it.
        self._runner.mark_planned(due.index)
        with self._device.stream.interrupted_by_still():
            self._expose(plan, None, due)

    def record_unexposed(self, command: CaptureCommand, reason: str, message: str) -> None:
        """Record the outcome of a requested capture that will not be exposed, after the stills that wait."""
        self._fail(self._plan_command(command), reason, message, command)

    def _plan_command(self, command: CaptureCommand) -> Plan:
        self._seen.append(command["id"])
        return self._planner.plan_command(command, self._clock.moment())

    def forbid_capture(self, capture: str) -> None:
        """Never expose this capture, even if its command arrives late: the Supervisor decides its outcome."""
        self._seen.append(capture)

    def has_seen(self, capture: str) -> bool:
        storage = self._storage_holder.storage
        return capture in self._seen or (storage is not None and storage.spool.has_trace(capture))

    # Plan and exposure

    def _expose(self, plan: Plan, command: CaptureCommand | None, due: Due | None = None) -> None:
        """The whole capture up to the still thread. The docstring of the class lists the errors."""
        storage_holder, storage, reporter = self._storage_holder, self._storage_holder.storage, self._reporter
        assert storage is not None
        try:
            storage.check()
            # Also creates the folder of the files, so that a full disk is detected before the shutter opens.
            storage.files.make_folders(plan["path"].rpartition("/")[0])
            storage.spool.plan(plan)
        except FileExistsError:
            # The outcome of its first exposure stands.
            return
        except (RootMissing, LockLost) as error:
            storage_holder.mark_lost(error)
            # A session needs no record: its missed starts become a gap once the root is open.
            if command:
                reason = "root_missing" if isinstance(error, RootMissing) else "write_error"
                reporter.refuse_command(command, reason, str(error))
            return
        except OSError as error:
            self._fail(plan, disk_reason(error), storage_holder.describe_error(error), command)
            return
        reporter.report_state("busy")
        try:
            exposure = self._device.exposures.expose(plan["asked"], plan["deadline_s"])
        except Aborted:
            reason, self._abort_reason = self._abort_reason or "interrupted", ""
            self._clock.clear_abort()
            message = ABORTED.get(reason, "The exposure was aborted.")
            # Before the camera is closed, which may hang: the still thread records the outcome meanwhile.
            self._fail(plan, reason, message, command)
            reporter.report_state("ready")
            if reason == "camera_hung":
                # A library that hung may hang again on the same connection.
                self._handle_error(CameraError(message))
        except CameraError as error:
            self._fail(plan, error.reason, str(error), command)
            self._handle_error(error)
        else:
            self._hand_over(plan, command, exposure, due)
            reporter.report_state("ready")

    def _hand_over(self, plan: Plan, command: CaptureCommand | None, exposure: Exposure, due: Due | None) -> None:
        """To the statistics, the still thread and the readers of frames. A picture that the camera still holds goes to
        the still thread only, which fetches it first."""
        if exposure.fetch is not None:
            # First: the still thread may settle it at any time after it.
            if due is not None:
                self._runner.mark_exposed(due.index)
            self._enqueue(plan, command, exposure, due=due)
            return
        self._device.stream.record_picture()
        # First: it is measured while it is encoded and written.
        if due is not None:
            self._session_exposure.measure(plan["id"], due, exposure)
        # Before the frame: the still thread writes while consumers convert the frame on this thread.
        self._enqueue(plan, command, exposure)
        # A still of such a stream also arrives as one of its frames; a recording would have it twice.
        if exposure.frame is not None and not self._device.stream.has_stills:
            self._buffer.put_frame(self._device.stream.with_still_time(exposure.frame))

    def _fail(self, plan: Plan, reason: str, message: str, command: CaptureCommand | None) -> None:
        """Record an outcome without a picture, after the stills that wait to be written."""
        self._enqueue(plan, command, None, reason, message)

    def _enqueue(
        self,
        plan: Plan,
        command: CaptureCommand | None,
        exposure: Exposure | None,
        reason: str = "",
        message: str = "",
        due: Due | None = None,
    ) -> None:
        storage = self._storage_holder.storage
        assert storage is not None
        command_id = command.get("command_id", "") if command else ""
        clock = self._clock_monitor.read_state()
        device, kind = self._device, self._planner.kind
        still = Still(plan, device.identity, kind, clock, exposure, reason, message, command_id, due, device.openings)
        self._stills.put(storage, still)
