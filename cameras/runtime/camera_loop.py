"""The camera loop: the one thread that uses the driver. It opens, exposes and streams, and each wait has a deadline."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import Any

from cameras.drivers.base import CameraError
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.clock import CameraClock, clock_state
from cameras.runtime.consumers import FrameConsumer, StillConsumer
from cameras.runtime.device import FRAME_S, Device
from cameras.runtime.disk_reserve import DiskReserve
from cameras.runtime.exposure_runner import Command, ExposureRunner, requested_exposure
from cameras.runtime.link import Link
from cameras.runtime.reporter import Reporter
from cameras.runtime.session_runner import Due, SessionBusy, SessionRunner
from cameras.runtime.settings_reader import SettingsReader
from cameras.runtime.spec import Spec
from cameras.runtime.storage_holder import StorageHolder
from cameras.spool.session_files import DesiredSession
from core.watchdog import DiskWatchdog, Watchdog

WRITE_OUT_S = 4.0
"""Seconds that the still thread may take to finish writing when the process stops."""
PACKET_CHECK_S = 1.0
"""Seconds between checks that copied packets still arrive."""
STORAGE_RETRY_S = 1.0
"""Seconds between tries to open a storage root that is not there."""
OWN_COMMANDS = frozenset({"start", "stop", "configure", "read", "withdraw", "reopen"})
"""Commands that the camera loop runs itself. All others are for the consumers of frames."""
PREVIEW_PAUSE_S = 60.0
"""Seconds from a failed live view to the next try."""


class CameraLoop:
    def __init__(self, spec: Spec, link: Link, clock: CameraClock, buffer: SharedFrameBuffer) -> None:
        self.spec, self.clock, self.buffer = spec, clock, buffer
        self.watchdog, self.disk_watchdog = Watchdog(), DiskWatchdog()
        self.reporter = Reporter(link)
        self.device = Device(spec, clock, self.watchdog, self.reporter, buffer)
        self.settings_reader = SettingsReader(self.device)
        self.runner = SessionRunner(clock, spec["camera"], spec["slug"], spec["root"])
        self.storage_holder = StorageHolder(spec, self.runner, self.reporter, self.disk_watchdog)
        self.disk_reserve = DiskReserve(spec, self.reporter)
        self.frame_consumers: list[FrameConsumer] = []
        self._commands: deque[Command] = deque()
        self._captures: deque[Command] = deque()
        self._stopping = False
        self._last_was_command = False
        self._preview_at = self._storage_retry_at = 0.0
        self._started = clock.monotonic()
        self._thread: int | None = None

    def set_still_writer(self, writer: StillConsumer) -> None:
        self.exposure_runner = ExposureRunner(self.device, self.storage_holder, self.runner, writer, self.buffer)

    # From other threads

    def receive_command(self, command: Command) -> None:
        """Receive a command from the link."""
        command["received"] = self.clock.monotonic()
        if command["type"] == "abort":
            self.abort(command.get("reason", "interrupted"))
            return
        if command["type"] == "faults":
            self._inject_faults(command)
            return
        if command["type"] == "retry":
            self.device.retry_now()
            return
        if command["type"] == "stop" and self.exposure_runner.session == command["session"]["id"]:
            self.abort("session_stopped")
        (self._captures if command["type"] == "capture" else self._commands).append(command)
        self.clock.wake()

    def abort(self, reason: str) -> None:
        self.exposure_runner.abort_reason = reason
        self.clock.abort()
        self.device.driver.abort()

    def _inject_faults(self, command: Command) -> None:
        """Runs at once, on the thread of the link, since a hanging camera blocks the loop."""
        try:
            self.reporter.answer_command(command, body={"faults": self.device.inject_faults(command["faults"])})
        except CameraError as error:
            self.reporter.refuse_command(command, error.reason, str(error), "invalid")

    def stop(self) -> None:
        """Finish and exit: the running exposure is aborted and recorded, and the session resumes at the next start."""
        self._stopping = True
        self.abort("station_stopped")
        self.clock.wake()

    # The loop

    def run(self) -> None:
        self._thread = threading.get_ident()
        while self._should_run():
            self.clock.clear_work()
            if self.storage_holder.is_lost:
                self._release_storage()
            elif self._ensure_storage():
                self._run_round()
            else:
                self._run_without_storage()
        self._shut_down()

    def _should_run(self) -> bool:
        """Clears an abort: it was for the exposure that ran when it came. `stop` sets `_stopping` before it aborts."""
        self.clock.clear_abort()
        return not self._stopping

    def _release_storage(self) -> None:
        """Release the lost root, once the still thread has written all stills. If it wrote later, a capture could get a
        second outcome in addition to that of the recovery."""
        if self.exposure_runner.queue.drain(0.0):
            self.storage_holder.release_storage()
        else:
            self.reporter.report_state("reconnecting", self.storage_holder.message, self.storage_holder.reason)
            self._run_without_storage()

    def _ensure_storage(self) -> bool:
        """Whether stills can be written. A missing root is tried each STORAGE_RETRY_S, and when a command waits."""
        now = self.clock.monotonic()
        if (
            self.storage_holder.storage is None
            and now < self._storage_retry_at
            and not self._commands
            and not self._captures
        ):
            return False
        self._storage_retry_at = now + STORAGE_RETRY_S
        return self.storage_holder.ensure_open()

    def _run_without_storage(self) -> None:
        """Stills need their root; recording (perhaps to another root) and live view only need the camera."""
        self._refuse_commands()
        self.clock.clear_work()
        if not self._are_frames_wanted():
            self.clock.wait(self._idle_s(STORAGE_RETRY_S))
        elif self.device.ensure_open():
            self._stream_or_wait(None)
        else:
            self.clock.wait(self._idle_s(min(STORAGE_RETRY_S, self.device.next_try_s())))

    def _are_frames_wanted(self) -> bool:
        return self.buffer.wants_packets or any(consumer.wants_frames for consumer in self.frame_consumers)

    def _run_round(self) -> None:
        """Commands that arrive during a round wait for the next one, so they delay no still or frame of this round."""
        self._report_session()
        self._run_commands()
        if self.storage_holder.is_lost:
            # The disk may have blocked a command for long. Only after the root is opened again, missed starts become a
            # gap with the disk as its reason.
            return
        self.clock.clear_work()
        self.exposure_runner.clear_card()
        self.storage_holder.refill_slots(self.clock.monotonic())
        if self.device.ensure_open():
            self._expose_or_stream()
        else:
            self._run_without_camera()

    def _expose_or_stream(self) -> None:
        """One still, one frame, or a wait. When both wait, stills of a session and commanded ones alternate."""
        if self.reporter.state == "reconnecting":
            self.reporter.report_state("ready")
        due = self._next_due()
        if self._poll_camera(due):
            return
        session_waits = due is not None and due.in_s <= 0
        if self._captures and not (session_waits and self._last_was_command):
            self._last_was_command = True
            self.exposure_runner.expose_command(self._captures.popleft())
        elif due and session_waits:
            self._last_was_command = False
            self.exposure_runner.expose_for_session(due)
        else:
            self._stream_or_wait(due)

    def _stream_or_wait(self, due: Due | None) -> None:
        """Read one frame for the consumers that want it, or wait."""
        if self._may_stream() and any(consumer.wants_frames for consumer in self.frame_consumers):
            self._read_frame(due)
        elif self.buffer.wants_packets:
            self._wait_for_packets(due)
        elif self._end_live_view():
            self.clock.wait(self._idle_s(min(1.0, due.in_s) if due else 1.0))

    def _idle_s(self, seconds: float) -> float:
        """`seconds`, or 0 when commands wait already: they arrived before the wait and would not end it."""
        return 0.0 if self._commands or self._captures else seconds

    def _poll_camera(self, due: Due | None) -> bool:
        """Read the settings when a command requests them, and the telemetry when it is due. True when the camera was
        read, which took time."""
        within_s = (due.in_s if due else 0.0) if self.runner.has_cadence else math.inf
        try:
            if self.settings_reader.answer_requests(self._free_s(due)):
                return True
            if not self.device.is_telemetry_due(within_s):
                return False
            self.device.read_telemetry()
        except CameraError as error:
            self.exposure_runner.handle_camera_error(error)
        return True

    def _free_s(self, due: Due | None) -> float:
        """Seconds until the next exposure; 0 when one of a session may be due."""
        if self._captures or (due is None and self.runner.is_running):
            return 0.0
        return due.in_s if due else math.inf

    def _may_stream(self) -> bool:
        """Whether frames may be read. A preview raises the mirror and warms the sensor: none during a session."""
        can, session = self.device.capabilities, self.runner.session
        if can.stream:
            return True
        return can.preview and self.clock.monotonic() >= self._preview_at and not (session and session.active)

    def _end_live_view(self) -> bool:
        """False when the camera could not end its live view."""
        try:
            self.device.end_live_view()
        except CameraError as error:
            self.exposure_runner.handle_camera_error(error)
            return False
        return True

    def _run_without_camera(self) -> None:
        error = self.device.error
        reason, message = (error.reason, str(error)) if error else ("camera_unreachable", "It is not open yet.")
        self.runner.note_outage(reason, message)
        self.settings_reader.refuse_requests(reason, message)
        for command in _drain(self._captures):
            self.exposure_runner.record_unexposed(command, reason, message)
        self._next_due(unreachable=True)
        self.clock.wait(self._idle_s(min(1.0, self.device.next_try_s())))

    def _refuse_commands(self) -> None:
        """Without the root no record can be written, so commands are refused. Desired states are stored for later."""
        commands = _drain(self._commands)
        for command in commands:
            self.device.set_desired_settings(command.get("settings", {}), whole=command.get("whole", False))
            if command.get("session"):
                self.storage_holder.defer_session(command["session"])
            if "recording" in command or command["type"] not in OWN_COMMANDS:
                self._forward_to_consumers(command)
        for command in (*_drain(self._captures), *(command for command in commands if command["type"] in OWN_COMMANDS)):
            self.reporter.refuse_command(command, self.storage_holder.reason, self.storage_holder.message)

    def _shut_down(self) -> None:
        while self._captures and self.storage_holder.storage:
            message = "The station was stopped before this capture began."
            self.exposure_runner.record_unexposed(self._captures.popleft(), "station_stopped", message)
        self.exposure_runner.queue.stop(WRITE_OUT_S)
        self.exposure_runner.clear_card()
        self.device.driver.close()
        self.storage_holder.close()

    # Commands

    def _run_commands(self) -> None:
        """Run the commands that wait now. Later ones wait for the next round, so they never block stills and frames."""
        for _ in range(len(self._commands)):
            command = self._commands.popleft()
            try:
                self._run_command(command)
            except CameraError as error:
                self.reporter.refuse_command(command, error.reason, str(error))
                if self.device.open:
                    self.exposure_runner.handle_camera_error(error)
            except SessionBusy as error:
                self.reporter.refuse_command(command, "camera_held", str(error), "held")
            except OSError as error:
                self.reporter.refuse_command(
                    command, "write_error", self.storage_holder.describe_error(error), "disk-full"
                )

    def _run_command(self, command: Command) -> None:
        kind = command["type"]
        if kind in {"start", "stop"}:
            self.reporter.answer_command(command, body=self._apply_desired_session(command["session"]))
        elif kind == "configure":
            self._configure(command)
        elif kind == "read":
            self.settings_reader.add_request(command)
        elif kind == "withdraw":
            self._withdraw_capture(command["id"])
        elif kind == "reopen":
            self.exposure_runner.handle_camera_error(
                CameraError("The Supervisor requested that the camera is reopened.")
            )
        else:
            self._forward_to_consumers(command)

    def _forward_to_consumers(self, command: Command) -> None:
        for consumer in self.frame_consumers:
            consumer.handle_command(command)

    def _apply_desired_session(self, desired: DesiredSession) -> dict[str, Any]:
        """First waits until the previous capture is counted, so that the answer includes it. A new session opens the
        camera if needed: it records what will be used before its first exposure."""
        self.exposure_runner.queue.drain(WRITE_OUT_S)
        is_new = desired["desired"] == "running" and not self.runner.has_session(desired["id"])
        used: dict[str, Any] = {}
        if is_new and self.device.ensure_open():
            used = self.device.rehearse(requested_exposure(desired["programme"]))
        answer = self.runner.apply_desired_session(desired, used)
        self._report_session()
        return answer

    def _report_session(self) -> None:
        for record in self.runner.pop_reported():
            self.reporter.report_record(record)

    def _configure(self, command: Command) -> None:
        if command.get("session"):
            self._apply_desired_session(command["session"])
        if "recording" in command:
            self._forward_to_consumers(command)
        whole = command.get("whole", False)
        body = self.device.apply_settings(command["settings"], whole=whole) if "settings" in command else {}
        self.reporter.answer_command(command, body=body)

    def _withdraw_capture(self, capture: str) -> None:
        """Drop a capture that has not begun, because its deadline is over."""
        waiting = [command for command in self._captures if command["id"] == capture]
        for command in waiting:
            self._captures.remove(command)
        if not self.exposure_runner.has_seen(capture):
            detail = "The command did not reach the camera before its deadline."
            withdrawn = {"command_id": "withdraw", **(waiting[0] if waiting else {}), "id": capture}
            self.reporter.refuse_command(withdrawn, "not_started", detail)
            self.exposure_runner.forbid_capture(capture)

    # Sessions and frames

    def _next_due(self, *, unreachable: bool = False) -> Due | None:
        session = self.runner.session
        if session is None or session.state != "running":
            self.disk_reserve.reset()
        if session is None or self._waits_for_clock():
            return None
        length_s = self.device.exposure_s({"exposure_us": session.programme["exposure_us"]})
        try:
            full = self._is_reserve_reached()
            if self.storage_holder.is_lost:
                return None
            due = self.runner.next_due(length_s, self.device.capabilities.readout_s, unreachable=unreachable or full)
        except OSError as error:
            self.reporter.log_event("storage.full", self.storage_holder.describe_error(error))
            self.clock.wait(1.0)
            return None
        self._report_session()
        return None if full else due

    def _is_reserve_reached(self) -> bool:
        """While less than the disk's reserve is free, a session skips its starts as in an outage. OSError."""
        full = self.disk_reserve.check_space(self.storage_holder.storage, self.clock.monotonic())
        if full:
            self.runner.note_outage("disk_full", self.disk_reserve.message)
        return full

    def _waits_for_clock(self) -> bool:
        """After the machine has started, a session waits for a synchronised clock, for at most `clock_wait_s`."""
        session = self.runner.session
        if session is None or session.last_end.boot == self.clock.moment().boot:
            return False
        waited = self.clock.monotonic() - self._started
        if clock_state() == "synchronised" or waited > self.spec["clock_wait_s"]:
            return False
        self.reporter.report_state("ready", "The session waits for the machine's clock to be synchronised.", "clock")
        return True

    def _read_frame(self, due: Due | None) -> None:
        try:
            frame = self.device.read_frame(due.in_s if due else FRAME_S)
        except CameraError as error:
            self._handle_missing_frame(error)
            return
        if frame is not None:
            self.device.record_success()
            self.buffer.put_frame(frame)

    def _wait_for_packets(self, due: Due | None) -> None:
        """Packets are copied on other threads. This only checks that they arrive."""
        try:
            self.device.wait_for_packets(self._idle_s(min(PACKET_CHECK_S, due.in_s) if due else PACKET_CHECK_S))
        except CameraError as error:
            self._handle_missing_frame(error)

    def _handle_missing_frame(self, error: CameraError) -> None:
        """A camera without a live view (in some positions of its dial) may still take stills: it is reopened at once,
        and the live view is paused. The camera has failed only if it does not open."""
        self.exposure_runner.handle_camera_error(error)
        if not self.device.capabilities.stream and error.reason != "camera_unreachable":
            self._preview_at = self.clock.monotonic() + PREVIEW_PAUSE_S
            self.device.retry_now()

    # Called by the reporting thread each second

    def check_disk(self) -> None:
        """A hanging disk is not a camera failure. It is reported, and the process waits. The recovery ladder does
        not act, since a process that waits for a disk cannot be killed."""
        is_blocked = self.disk_watchdog.is_blocking(self._thread)
        if (is_blocked or self.exposure_runner.queue.is_stuck) and not self.storage_holder.is_lost:
            self.storage_holder.mark_lost(
                self.disk_watchdog.timeout_error() if is_blocked else self.exposure_runner.queue.timeout_error()
            )
            self.clock.wake()
        if is_blocked:
            self.reporter.report_state("reconnecting", self.storage_holder.message, self.storage_holder.reason)


def _drain(waiting: deque[Command]) -> list[Command]:
    """Remove and return the commands that wait now. Other threads may add more meanwhile."""
    return [waiting.popleft() for _ in range(len(waiting))]
