"""Takes the recovery steps of each camera and records each step as an event with its reason.

abort -> reopen -> kill the process -> wait -> reset its USB port -> quarantine. On the Supervisor's thread.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings

from cameras.supervision.camera_slot import PortReset
from cameras.supervision.child import CameraChild, exit_reason
from cameras.supervision.recovery_policy import REOPENED
from cameras.supervision.usb import UsbBus, UsbError

if TYPE_CHECKING:
    from cameras.supervision.camera_slot import CameraSlot
    from cameras.supervision.supervisor import Supervisor

CRASH_SIGNALS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
FAULTY = ("camera_error", "too_slow")
RECOUNT_S = 2.5
"""The failure count that a process reports is up to a second old."""
RESET_S = 30.0
"""A reset of a USB port that takes longer may never end and is no longer waited for."""
BY_PERSON = "a person"
RECORDER_ALERTS = ("failed", "lost", "left")
"""Alerts `recording.*` that a process raises and its successor may have to resolve."""


class RecoveryLadder:
    """Has no changing state. Runs on the Supervisor's thread, except `_run_port_reset`, which only ends the `PortReset`
    it was given. Any thread may call `record_step`."""

    def __init__(self, supervisor: Supervisor, bus: UsbBus) -> None:
        self.supervisor, self.bus = supervisor, bus
        self.reopened = REOPENED
        self.resets_usb = settings.STATION.supervision.usb_reset

    def record_step(self, slot: CameraSlot, step: str, why: str, severity: str = "warning", **data: Any) -> None:
        """Record the event of a step; `why` is the whole message."""
        self.supervisor.database.record_event("camera.ladder", why, severity, slot.desired, {"step": step, **data})

    # A process that runs

    def check_process(self, slot: CameraSlot, child: CameraChild) -> None:
        if child.killed:
            return
        self._update_unreachable_alert(slot, child)
        step = slot.recovery_policy.next_step(time.monotonic(), child.state.get("overdue_s", 0.0), child.silent_s())
        if step is not None:
            self._take_step(slot, child, step)
        elif child.state.get("failures", 0) >= self.reopened and self._is_stuck(slot, child):
            why = f"{slot.desired.slug} failed {child.state['failures']} times in a row: {child.observed[1]}"
            self._kill(slot, child, why, {"reason": "camera_error", "message": child.observed[1]})

    def _update_unreachable_alert(self, slot: CameraSlot, child: CameraChild) -> None:
        """Alert of a camera that fails repeatedly: until it is open, or, if it opens and then fails, until it works."""
        observed, why = child.observed
        fails = child.state.get("failures", 0) >= self.reopened
        breaks_off = child.state.get("unopened", 0) == 0
        if observed == "reconnecting" and not slot.unreachable_alerted and fails:
            slot.unreachable_alerted = True
            text = "fails repeatedly" if breaks_off else "cannot be opened and is retried"
            text = f"{slot.desired.slug} {text}. {why}"
            self.supervisor.database.raise_alert(f"camera.unreachable:{slot.desired.slug}", text, "error", slot.desired)
        elif slot.unreachable_alerted and observed in {"ready", "busy"} and not (fails and breaks_off):
            self._resolve_unreachable(slot)

    def _resolve_unreachable(self, slot: CameraSlot) -> None:
        slot.unreachable_alerted = False
        self.supervisor.database.resolve_alert(f"camera.unreachable:{slot.desired.slug}")

    def _is_stuck(self, slot: CameraSlot, child: CameraChild) -> bool:
        """Whether it is present and does not work. An absent camera, or one that another program holds, is waited
        for."""
        trouble = child.state.get("trouble")
        if child.observed[0] != "reconnecting" or not trouble or trouble["permanent"]:
            return False
        if time.monotonic() - slot.retried_at < RECOUNT_S:
            return False
        if slot.usb is None:
            return trouble["reason"] in FAULTY
        return trouble["reason"] in (*FAULTY, "camera_unreachable") and bool(slot.last_seen)

    def _take_step(self, slot: CameraSlot, child: CameraChild, step: str) -> None:
        doing = child.state.get("doing", "starting")
        why = f"{slot.desired.slug} hangs while {doing}"
        if step == "kill":
            message = f"The camera hung while {doing}; its process was killed."
            self._kill(slot, child, f"{why}.", {"reason": "camera_hung", "message": message}, doing=doing)
            return
        done = "the driver call is aborted" if step == "abort" else "the camera is closed and opened again"
        self.record_step(slot, step, f"{why}: {done}.", doing=doing, reason="camera_hung")
        child.send({"type": "abort", "reason": "camera_hung"} if step == "abort" else {"type": "reopen"})

    def _kill(self, slot: CameraSlot, child: CameraChild, why: str, decided: dict[str, str], **data: Any) -> None:
        self.record_step(
            slot, "kill", f"{why} Its process is killed and started again.", reason=decided["reason"], **data
        )
        slot.decided_outcome = decided
        child.kill()

    # A process that has ended

    def schedule_restart(self, slot: CameraSlot, status: int, *, delivered: bool) -> None:
        """Record why it ended, and schedule its restart or quarantine the camera."""
        reason, was_killed_by_ladder = exit_reason(status), slot.decided_outcome is not None
        if any(name in reason for name in CRASH_SIGNALS) or status > 0:
            message = f"The camera's process crashed ({reason})."
            slot.decided_outcome = slot.decided_outcome or {"reason": "camera_crashed", "message": message}
        cause = slot.decided_outcome["message"] if slot.decided_outcome else f"The camera's process was {reason}."
        gives_up = slot.restarts.record_exit(time.monotonic(), cause, fruitless=was_killed_by_ladder and not delivered)
        pause_s = 0.0 if gives_up else max(0.0, slot.restarts.not_before - time.monotonic())
        when = "" if gives_up else f" It is started again {f'in {pause_s:.0f} s' if pause_s >= 1 else 'at once'}."
        data = {"reason": reason, "message": cause}
        self.supervisor.database.record_event(
            "part.restarted", f"{slot.desired.slug}: {cause}{when}", "error", slot.desired, data
        )
        if gives_up:
            self.quarantine(slot, cause)
            return
        self.supervisor.record_observed(slot, "reconnecting", cause)
        self._record_back_off(slot, cause, pause_s)
        if self.resets_usb and slot.restarts.tries_left == 1 and slot.usb is not None:
            self._reset_usb(slot)

    def _record_back_off(self, slot: CameraSlot, cause: str, pause_s: float) -> None:
        if pause_s > 0:
            why = f"{slot.desired.slug} is started again in {pause_s:.1f} s: {cause}"
            self.record_step(
                slot, "back_off", why, pause_s=round(pause_s, 1), failures=slot.restarts.failures, reason=cause
            )

    def _reset_usb(self, slot: CameraSlot) -> None:
        """On its own thread: the kernel may take seconds."""
        slot.port_reset = PortReset(time.monotonic() + RESET_S)
        name = f"{slot.desired.slug}-usb"
        threading.Thread(target=self._run_port_reset, args=(slot, slot.port_reset), name=name, daemon=True).start()

    def _run_port_reset(self, slot: CameraSlot, port_reset: PortReset) -> None:
        usb = slot.usb
        try:
            assert usb is not None
            device = self.bus.find_device(usb)
            if device is None:
                raise UsbError(f"{slot.desired.slug} is not on the USB bus, or another device is just like it.")
            self.bus.reset_port(device)
            self.record_step(slot, "usb_reset", f"The USB port of {slot.desired.slug} was reset.", place=device.place)
        except UsbError as error:
            why = f"The USB port of {slot.desired.slug} cannot be reset. {error}"
            self.record_step(slot, "usb_reset", why, "error", reason=str(error))
        finally:
            port_reset.end()
            self.supervisor.wake()

    # Quarantine

    def quarantine(self, slot: CameraSlot, cause: str) -> None:
        slot.quarantined = (
            f"It failed {slot.restarts.failures} times in a row, the last time because: {cause} "
            "Check the camera and the log, then connect it."
        )
        whole = f"{slot.desired.slug} is quarantined. {slot.quarantined}"
        slot.last_seen = None
        self.record_step(slot, "quarantine", whole, "error", failures=slot.restarts.failures, reason=cause)
        key = f"camera.quarantined:{slot.desired.slug}"
        self.supervisor.database.raise_alert(key, whole, "critical", slot.desired)
        self.supervisor.record_observed(slot, "quarantined", slot.quarantined)

    def release_quarantine(self, slot: CameraSlot, who: str = "", text: str = "") -> None:
        """End a quarantine, also one of an earlier Supervisor that left its alert open."""
        if slot.quarantined and who:
            self.record_step(slot, "release", text or f"{slot.desired.slug} was released by {who}.", "info", reason=who)
        slot.quarantined = ""
        slot.restarts.reset()
        self.supervisor.database.resolve_alert(f"camera.quarantined:{slot.desired.slug}")

    def resolve_stale_alerts(self, slot: CameraSlot) -> None:
        """For a camera that is new to this Supervisor: resolve the alerts that an earlier one left open."""
        self.release_quarantine(slot)
        self._resolve_unreachable(slot)
        if not slot.desired.runs:
            slot.alerts.add(*(f"recording.{about}:{slot.desired.slug}" for about in RECORDER_ALERTS))

    def clear_alerts(self, slot: CameraSlot) -> None:
        """Resolve its alerts: the camera should not run."""
        if slot.quarantined:
            self.release_quarantine(slot, BY_PERSON)
        if slot.unreachable_alerted:
            self._resolve_unreachable(slot)
        for key in slot.alerts.remove_all() if slot.child is None else ():
            self.supervisor.database.resolve_alert(key)

    def retry_now(self, slot: CameraSlot) -> None:
        """Retry at once, on the request of a person."""
        self.release_quarantine(slot, BY_PERSON)
        slot.retry()
