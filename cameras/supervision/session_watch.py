"""Alerts of sessions that save no pictures, whatever the cause, and takes the steps that may help."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from cameras.runtime.messages import SessionStatus
from cameras.supervision.camera_alerts import CameraAlerts
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild
from cameras.supervision.recovery_ladder import RecoveryLadder
from core.camera_names import CameraRef
from core.text.sentences import Sentence, sentence

STEPS = {
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
            slot.picture_watch.tried += (f"{datetime.now(UTC):%H:%M} UTC {STEPS[step]}",)
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
