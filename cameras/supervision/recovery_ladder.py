"""Takes the recovery steps of each camera and records each step as an event with its reason. abort -> reopen -> kill
the process -> wait -> reset its USB port -> quarantine. `SessionWatch` takes them for sessions that save no pictures.
On the Supervisor's thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cameras.runtime.messages import AbortCommand, ReopenCommand, SessionStatus
from cameras.supervision.alerts import CameraAlerts
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild
from cameras.supervision.ports import EventSink
from cameras.supervision.recovery_policy import REOPENED
from cameras.supervision.recovery_steps import Quarantine, record_step
from core.camera_names import CameraRef
from core.processes import exit_reason
from core.text.sentences import Sentence, join_sentences, sentence

# Signals by which a library's fault ends its process. SIGKILL is sent by something else and proves no crash.
CRASH_SIGNALS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
FAULTY = ("camera_error", "too_slow")
RECOUNT_S = 2.5
"""The failure count that a process reports is up to a second old."""


class RecoveryLadder:
    """Has no changing state. Only the Supervisor's thread uses it."""

    def __init__(
        self,
        events: EventSink,
        alerts: CameraAlerts,
        quarantine: Quarantine,
        reset_port: Callable[[CameraSlot], None] | None,
        idle_core_s: Callable[[], float],
        reopened: int = REOPENED,
    ) -> None:
        """`reset_port` is None when USB ports are not reset. `idle_core_s` is the time for which the machine's cores
        have been idle, in seconds since any moment. `reopened` is the number of failures in a row after which the
        process of a present camera is replaced."""
        self._events, self._alerts, self._quarantine = events, alerts, quarantine
        self._reset_port, self._idle_core_s, self._reopened = reset_port, idle_core_s, reopened

    # A process that runs

    def check_process(self, slot: CameraSlot) -> None:
        child = slot.child
        if child is None or child.killed:
            return
        self._alerts.update_unreachable(slot, child)
        child.clock.sample()
        step = slot.recovery_policy.next_step(
            child.clock.now(),
            child.state.get("overdue_s", 0.0),
            child.own_silent_s(),
            starts=child.observed[0] == "starting",
        )
        if step is not None:
            self._take_step(slot, child, step)
        elif child.state.get("failures", 0) >= self._reopened and is_stuck(slot, child):
            why = sentence(
                "{camera} failed {failures} times in a row: {error}",
                camera=slot.desired, failures=child.state["failures"], error=child.observed[1],
            )  # fmt: skip
            self._kill(slot, child, why, {"reason": "camera_error", "message": child.observed[1]})

    # A session that saves no pictures

    def reopen(self, slot: CameraSlot, child: CameraChild, why: str) -> None:
        """Close the camera and open it again; `why` is a sentence."""
        text = join_sentences([why, "The camera is closed and opened again."])
        record_step(self._events, slot, "reconnect", text, reason="too_slow")
        child.send(ReopenCommand(type="reopen"))

    def replace_process(self, slot: CameraSlot, child: CameraChild, why: str, message: str) -> None:
        """`message` is for its unfinished capture."""
        self._kill(slot, child, why, {"reason": "too_slow", "message": message})

    def _take_step(self, slot: CameraSlot, child: CameraChild, step: str) -> None:
        doing = child.state.get("doing", "starting")
        if step == "kill":
            why = sentence("{camera} hangs while {doing}.", camera=slot.desired, doing=doing)
            message = f"The camera hung while {doing}; its process was killed."
            self._kill(slot, child, why, {"reason": "camera_hung", "message": message}, doing=doing)
            return
        done = "the driver call is aborted" if step == "abort" else "the camera is closed and opened again"
        why = sentence("{camera} hangs while {doing}: {done}.", camera=slot.desired, doing=doing, done=done)
        record_step(self._events, slot, step, why, doing=doing, reason="camera_hung")
        if step == "abort":
            child.send(AbortCommand(type="abort", reason="camera_hung"))
        else:
            child.send(ReopenCommand(type="reopen"))

    def _kill(self, slot: CameraSlot, child: CameraChild, why: str, decided: dict[str, str], **data: Any) -> None:
        text = join_sentences([why, "Its process is killed and started again."])
        record_step(self._events, slot, "kill", text, reason=decided["reason"], **data)
        # The recovery of the spool gives this reason to the unfinished capture, instead of `interrupted`.
        slot.decided_outcome = decided
        child.kill()

    # A process that has ended

    def schedule_restart(self, slot: CameraSlot, status: int, *, delivered: bool) -> None:
        """Record why it ended, and schedule its restart or quarantine the camera."""
        reason, was_killed_by_ladder = exit_reason(status), slot.decided_outcome is not None
        # A positive status: an exception ended Python, or faulthandler did, because a library blocked the interpreter.
        if any(name in reason for name in CRASH_SIGNALS) or status > 0:
            message = f"The camera's process crashed ({reason})."
            # What the ladder decided before it killed the process is more precise.
            slot.decided_outcome = slot.decided_outcome or {"reason": "camera_crashed", "message": message}
        cause = slot.decided_outcome["message"] if slot.decided_outcome else f"The camera's process was {reason}."
        fruitless = was_killed_by_ladder and not delivered
        gives_up = slot.restarts.record_exit(time.monotonic(), self._idle_core_s(), cause, fruitless=fruitless)
        pause_s = 0.0 if gives_up else max(0.0, slot.restarts.not_before - time.monotonic())
        when = "" if gives_up else f" It is started again {f'in {pause_s:.0f} s' if pause_s >= 1 else 'at once'}."
        if slot.restarts.excused:
            when += " The machine had no idle processor core, so this does not count towards quarantine."
        text = sentence("{camera}: {cause}{when}", camera=slot.desired, cause=cause, when=when)
        data = {"reason": reason, "message": cause}
        self._events.record_event("part.restarted", text, "error", slot.desired, data)
        if gives_up:
            self._quarantine.quarantine(slot, cause)
            return
        self._events.record_observed(slot, "reconnecting", cause)
        if pause_s > 0:
            why = sentence(
                "{camera} is started again in {pause_s:.1f} s: {cause}",
                camera=slot.desired, pause_s=pause_s, cause=cause,
            )  # fmt: skip
            failures = slot.restarts.failures
            record_step(self._events, slot, "back_off", why, pause_s=round(pause_s, 1), failures=failures, reason=cause)
        # Only before the last start: the reset may disturb other devices of the same hub.
        if self._reset_port and slot.restarts.tries_left == 1 and slot.usb is not None:
            self._reset_port(slot)


def is_stuck(slot: CameraSlot, child: CameraChild) -> bool:
    """Whether it is present and does not work. An absent camera, or one that another program holds, is waited for."""
    trouble = child.state.get("trouble")
    # A permanent error, such as a refused password, would be the same in a new process.
    if child.observed[0] != "reconnecting" or not trouble or trouble["permanent"]:
        return False
    if time.monotonic() - slot.retried_at < RECOUNT_S:
        return False
    # Whether such a camera is present is unknown, so `camera_unreachable` may mean that it is switched off.
    if slot.usb is None:
        return trouble["reason"] in FAULTY
    return trouble["reason"] in (*FAULTY, "camera_unreachable") and bool(slot.last_seen)


STEPS_IN_WORDS = {
    "reconnect": "the camera was closed and opened again",
    "kill": "its process was killed and started again",
}


class SessionWatch:
    """Has no state of its own: it writes `picture_watch` of the slots. Only the Supervisor's thread uses it."""

    def __init__(self, alerts: CameraAlerts, ladder: RecoveryLadder) -> None:
        self._alerts, self._ladder = alerts, ladder

    def check_session(self, slot: CameraSlot) -> None:
        """For a slot with a process. The ladder has handled a late call, a crash and a silent process before."""
        child = slot.child
        # Before it has read the spool, a process reports no session, also if one has to continue. Before its first
        # report, the answer of a recording command is all that is known of its state.
        if child is None or child.killed or "session" not in child.state or not child.has_recovered:
            return
        now, watch, session = time.monotonic(), slot.picture_watch, child.state["session"]
        watch.observe(now, child.state)
        interval_s = (session and session["interval_s"]) or 0.0
        if session is None or not watch.stalled_s(now, interval_s):
            if slot.stalled_alerted:
                self._alerts.resolve_stalled(slot)
        elif step := watch.next_step(now, interval_s):
            self._take_step(slot, child, session, step, watch.stalled_s(now, interval_s))

    def _take_step(
        self, slot: CameraSlot, child: CameraChild, session: SessionStatus, step: str, stalled_s: float
    ) -> None:
        why = describe_stall(slot.desired, child, session, stalled_s)
        # A camera in trouble is retried already, and its process replaced when that may help.
        if child.observed[0] != "reconnecting":
            slot.picture_watch.tried += (f"{datetime.now(UTC):%H:%M} UTC {STEPS_IN_WORDS[step]}",)
            if step == "reconnect":
                self._ladder.reopen(slot, child, why)
            else:
                message = describe_stall("The camera", child, session, stalled_s)
                self._ladder.replace_process(slot, child, why, message)
        tried = "; ".join(slot.picture_watch.tried) or f"it is {child.observed[0]}: {child.observed[1]}"
        self._alerts.raise_stalled(slot, sentence("{why} Tried: {tried}.", why=why, tried=tried))


def describe_stall(camera: CameraRef | str, child: CameraChild, session: SessionStatus, stalled_s: float) -> Sentence:
    """`camera` is the subject of the sentence: a camera, or `The camera` where it stands beside it."""
    last = child.state["last_capture"]
    if session["waits"]:
        why = f" {session['waits']}"
    elif last and last["status"] == "failed":
        why = f" The last capture failed: {last['reason']}."
    else:
        why = ""
    return sentence(
        "{camera} has saved no picture of {session} for {duration}.{why}",
        camera=camera,
        session=f"the session {session['name']}" if session["name"] else "its session",
        duration=describe_duration(stalled_s),
        why=why,
    )


def describe_duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
