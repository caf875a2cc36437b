"""The Supervisor: one thread that starts, watches and restarts the camera processes of this host.

It never touches the database, and uses the broker only to answer commands that came through it. `DatabaseSync` and
`StatusPublisher` use them on their own threads, so an outage of either delays no restart.
"""

from __future__ import annotations

import fcntl
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from cameras.broker import broker
from cameras.child_environment import scrubbed_environment
from cameras.commands import control
from cameras.commands.messages import Answer
from cameras.spool.recovery import DecidedOutcome
from cameras.supervision.camera_slot import CameraSlot, Hardware
from cameras.supervision.child import FINISH_S, CameraChild, LiveView, exit_reason, kill_orphans, write_register
from cameras.supervision.command_queue import CommandQueue
from cameras.supervision.command_router import CommandRouter
from cameras.supervision.database_sync import DatabaseSync
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.discovery import DiscoveryRunner
from cameras.supervision.process_messages import DESIRED_PREFIX, ProcessMessages
from cameras.supervision.reconnect_watcher import ReconnectWatcher
from cameras.supervision.recovery_ladder import RecoveryLadder
from cameras.supervision.recovery_policy import RecoveryPolicy, RestartSchedule
from cameras.supervision.status_publisher import StatusPublisher
from cameras.supervision.usb import UsbBus
from cameras.tables import HOST_THREADS
from core.limits.backoff import BackOff
from core.registry import resolve
from monitoring import heartbeat

log = logging.getLogger(__name__)
TICK_S = 0.1
REMEMBERED = 1000
"""Ended sessions that are remembered."""
START_AGAIN_S = 1.0
"""Wait after a process that could not be started."""


class HostLocked(Exception):
    """Another Supervisor runs for this host on this machine."""


class Supervisor:
    """Only its own thread writes the attributes; only the database thread writes `_ended_sessions`. Values are replaced
    whole and never changed in place, so any thread may read them. The status publisher's thread calls
    `update_live_view`; any thread may call `record_observed` and `send_response`."""

    def __init__(self, bus: UsbBus | None = None) -> None:
        self.bus = bus or UsbBus()
        self.host = settings.STATION.host
        self.run_folder = Path(settings.STATION.data) / "run"
        self.slots: Mapping[str, CameraSlot] = {}
        self.alive_at = time.monotonic()
        self.desired_read_at = 0.0
        self._ended_sessions: tuple[str, ...] = ()
        self._failing_steps: dict[str, str] = {}
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._lock_file: int | None = None
        self.command_router = CommandRouter(self)
        self.command_queue = CommandQueue(self.host, self.command_router)
        self.process_messages = ProcessMessages(self)
        self.recovery_ladder = RecoveryLadder(self, self.bus)
        self.reconnect_watcher = ReconnectWatcher(self, self.bus)
        self.discovery = DiscoveryRunner(self)
        self.database = DatabaseSync(self)
        self.status_publisher = StatusPublisher(self)
        self.host_threads = [resolve(path)(self.host) for path in HOST_THREADS.values()]
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    # Start and stop

    def start(self) -> None:
        """Raises HostLocked when this host already has a Supervisor."""
        self.run_folder.mkdir(parents=True, exist_ok=True)
        self._lock_host()
        for pid in kill_orphans(self._register):
            log.warning("Killed the camera process %s, left behind by the previous Supervisor.", pid)
        self.database.start()
        self.status_publisher.start()
        self._thread.start()
        self.command_queue.start()
        for host_thread in self.host_threads:
            host_thread.start()

    def _lock_host(self) -> None:
        file = os.open(self.run_folder / f"supervisor-{self.host}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise HostLocked(f"Another Supervisor runs for the host {self.host!r} on this data folder.") from None
        self._lock_file = file

    @property
    def _register(self) -> Path:
        return self.run_folder / f"cameras-{self.host}.json"

    def stop(self) -> None:
        """Finish every camera process, ingest what they left, then withdraw the heartbeat. Idempotent."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._woken.set()
        self.command_queue.stop()
        for host_thread in self.host_threads:
            host_thread.stop()
        if self._thread.is_alive():
            self._thread.join(FINISH_S + 3)
        self.database.stop()
        self.status_publisher.stop()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    # From other threads

    def wake(self) -> None:
        """Make the loop run at once."""
        self._woken.set()

    def mark_session_ended(self, session: str) -> None:
        """Its end is in the database and its file is about to be removed: no process may start it again."""
        self._ended_sessions = (*self._ended_sessions[1 - REMEMBERED :], session)

    def update_live_view(
        self, wanted: dict[str, tuple[str, ...]], lowered: int = 0, redis_urls: Mapping[str, str] | None = None
    ) -> None:
        """Tell each camera process which qualities are watched (`wanted`, by slug), by how many steps they are lowered,
        and the Redis URL it publishes to."""
        urls = redis_urls or {}
        for slot in self.slots.values():
            desired, child = slot.desired, slot.child
            live = LiveView(wanted.get(desired.slug, ()), lowered, desired.presets, urls.get(desired.slug, ""))
            if child and child.live != live and child.send({"type": "live", **asdict(live)}):
                child.live = live

    def send_response(self, command_id: str, content: Answer) -> None:
        """While the broker is away, callers get no answer; they find the outcome in the database."""
        try:
            control.push_answer(broker.connection(), command_id, content)
        except broker.UNREACHABLE as error:
            log.warning("An answer could not be sent: %s", type(error).__name__)

    # The loop

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._run_safely(None, self._tick)
            self._woken.wait(TICK_S)
            self._woken.clear()
        self._finish_processes()

    def _run_safely(self, camera: DesiredState | None, step: Callable[[], None]) -> None:
        """An error with one camera must not stop the supervision of the others. It raises one alert, which is resolved
        after the first step without an error."""
        slug = camera.slug if camera else ""
        key, before = f"supervisor.stumbled:{slug}", self._failing_steps.get(slug, "")
        try:
            step()
        except Exception as error:
            self._failing_steps[slug] = failure = f"{type(error).__name__}: {error}"
            if failure != before:
                log.exception("The Supervisor failed at %s and goes on.", slug or "its own loop")
                what = f"{slug} is not supervised" if slug else "No camera of this host is supervised"
                message = f"{what} ({failure}). See the log, then run `skycam restart worker`."
                self.database.raise_alert(key, message, "critical", camera)
            return
        if before:
            del self._failing_steps[slug]
            self.database.resolve_alert(key)

    def _tick(self) -> None:
        self.alive_at = time.monotonic()
        heartbeat.send_heartbeat()
        snapshot = self.database.snapshot
        self.desired_read_at = snapshot.read_at
        self._update_slots(snapshot.cameras)
        if snapshot.is_complete:
            self._release_moved_cameras(snapshot.cameras)
        self.command_router.route_waiting()
        self.reconnect_watcher.check_bus()
        for slot in self.slots.values():
            self._run_safely(slot.desired, functools.partial(self._maintain_process, slot))

    def _update_slots(self, desired_states: Mapping[str, DesiredState]) -> None:
        for identity, desired in desired_states.items():
            if identity not in self.slots:
                supervision = settings.STATION.supervision
                rule = BackOff(supervision.healthy_s, supervision.crash_loop_exits, supervision.crash_loop_s)
                slot = CameraSlot(desired, RestartSchedule(rule), hardware=Hardware(usb=desired.usb))
                self.slots = {**self.slots, identity: slot}
                self.recovery_ladder.resolve_stale_alerts(slot)
            slot = self.slots[identity]
            self._apply_desired_state(slot, replace(desired, session=self._desired_session(slot, desired)))

    def _release_moved_cameras(self, desired_states: Mapping[str, DesiredState]) -> None:
        """Cameras that now belong to another host: their process finishes, and their spool is emptied."""
        for identity, slot in self.slots.items():
            if identity not in desired_states:
                self._apply_desired_state(slot, replace(slot.desired, session=None, elsewhere=True))

    def _desired_session(self, slot: CameraSlot, desired: DesiredState) -> Any:
        """A command may be newer than the state that was read, and the end of a session newer than both."""
        found = slot.commanded_session if slot.session_commanded_at >= self.desired_read_at else desired.session
        return None if found is None or found["id"] in self._ended_sessions else found

    def _apply_desired_state(self, slot: CameraSlot, desired: DesiredState) -> None:
        """Apply a new desired state. A process that cannot change to it while running is ended and restarted."""
        old, slot.desired = slot.desired, desired
        if not desired.runs:
            self.recovery_ladder.clear_alerts(slot)
        if slot.child is None or slot.child.ending:
            return
        if not desired.runs or old.place != desired.place:
            slot.child.finish()
            return
        if desired.settings != slot.child.desired["settings"] and slot.settings_commanded_at < self.desired_read_at:
            self._send_configuration(slot.child, "settings", desired.settings, whole=True)
        if desired.recording != slot.child.desired["recording"] and slot.recording_commanded_at < self.desired_read_at:
            self._send_configuration(slot.child, "recording", desired.recording)
        if desired.session and _newer(desired.session, slot.child.desired["session"]):
            self._send_configuration(
                slot.child, "session", desired.session, command_id=DESIRED_PREFIX + desired.session["id"]
            )

    def _send_configuration(self, child: CameraChild, what: str, desired: dict[str, Any] | None, **more: Any) -> None:
        if child.send({"type": "configure", what: desired, **more}):
            child.desired = {**child.desired, what: desired}

    def _maintain_process(self, slot: CameraSlot) -> None:
        child = slot.child
        if child is not None:
            status = child.exit_status
            if status is not None:
                self._handle_exit(slot, child, status)
            elif child.ending:
                self._kill_when_late(slot, child)
            else:
                self.recovery_ladder.check_process(slot, child)
        elif slot.may_start and time.monotonic() >= slot.restarts.not_before:
            self._start_process(slot)

    def _start_process(self, slot: CameraSlot) -> None:
        now = time.monotonic()
        slot.restarts.record_start(now)
        slot.recovery_policy = RecoveryPolicy()
        environment = scrubbed_environment(settings.STATION.camera_environment)
        # Set before the session is read: the database thread marks the session ended, then checks `recovers`.
        slot.is_starting = True
        desired = replace(
            slot.with_newest_commands(self.desired_read_at), session=self._desired_session(slot, slot.desired)
        )
        try:
            slot.child = CameraChild(
                desired.spec(slot.decided_outcome, slot.faults), environment, self.process_messages.handle_message
            )
        except (OSError, RuntimeError) as error:
            slot.restarts.not_before = now + START_AGAIN_S
            why = f"Its process cannot be started ({error}). Check memory and process limits. Retried every second."
            self.record_observed(slot, "reconnecting", why)
            return
        finally:
            slot.is_starting = False
        slot.decided_outcome = None
        write_register(self._register, [other.child.identity for other in self.slots.values() if other.child])
        self.record_observed(slot, "starting", "")

    def _kill_when_late(self, slot: CameraSlot, child: CameraChild) -> None:
        if time.monotonic() > child.end_by:
            slot.decided_outcome = {
                "reason": "camera_hung",
                "message": "The camera did not end its exposure in time.",
            }
            child.kill()

    def _handle_exit(self, slot: CameraSlot, child: CameraChild, status: int) -> None:
        child.drain_output()
        delivered = slot.delivered
        slot.child = None
        was_ending = child.ending
        child.finish()
        for command in slot.outstanding.remove_without_capture():  # captures are answered from the spool
            detail = f"The process of {slot.desired.slug} ended ({exit_reason(status)}) before it could answer."
            self.send_response(
                command, Answer(ok=False, problem="camera-not-reachable", reason="camera_crashed", detail=detail)
            )
        if was_ending:
            self.record_observed(slot, *slot.observed)
        else:
            self.recovery_ladder.schedule_restart(slot, status, delivered=delivered)

    def _finish_processes(self) -> None:
        """All processes get FINISH_S, in parallel. Heartbeats tell the launcher that this worker is alive."""
        left = [(slot.desired, slot.child) for slot in self.slots.values() if slot.child]
        for _, child in left:
            child.finish()
        for desired, child in left:
            while not child.wait(TICK_S) and time.monotonic() < child.end_by:
                heartbeat.send_heartbeat()
            if child.exit_status is None:
                self._kill_process(desired, child)

    def _kill_process(self, desired: DesiredState, child: CameraChild) -> None:
        """The outcome is known, so the next process need not report the capture as interrupted."""
        log.warning("%s did not finish in time and is killed.", child.slug)
        child.kill()
        if child.wait(1.0):
            message = "The station was stopped before the exposure ended."
            self.database.recover_spool(desired, DecidedOutcome("station_stopped", message))

    def record_observed(self, slot: CameraSlot, observed: str, reason: str) -> None:
        """Write a changed state to the database and the event log. A camera on another host is recorded by that
        host."""
        desired = slot.desired
        with slot.lock:
            if not desired.elsewhere and (observed, reason) != slot.last_observed:
                slot.last_observed, slot.since = (observed, reason), time.time()
                self.database.record_observed(desired, observed, reason)


def _newer(session: dict[str, Any], known: dict[str, Any] | None) -> bool:
    return known is None or known["id"] != session["id"] or known["revision"] < session["revision"]
