"""The alerts that the Supervisor raises and resolves: of one camera, of its own failed steps, and of storage roots."""

from __future__ import annotations

import logging
from collections.abc import Callable

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild
from cameras.supervision.ports import EventSink
from cameras.supervision.recovery_policy import REOPENED
from cameras.supervision.recovery_steps import BY_PERSON, Quarantine
from core.camera_names import CameraRef
from core.text.sentences import sentence

log = logging.getLogger(__name__)

RECORDER_ALERTS = ("failed", "lost", "left")
"""Alerts `recording.*` that a process raises and its successor may have to resolve."""


class CameraAlerts:
    """Has no state of its own: it writes `unreachable_alerted` and `stalled_alerted` of the slots. Only the
    Supervisor's thread uses it."""

    def __init__(self, events: EventSink, quarantine: Quarantine, reopened: int = REOPENED) -> None:
        """`reopened` is the number of failures in a row after which a camera counts as unreachable."""
        self._events, self._quarantine, self._reopened = events, quarantine, reopened

    def update_unreachable(self, slot: CameraSlot, child: CameraChild) -> None:
        """Alert of a camera that fails repeatedly: until it is open, or, if it opens and then fails, until it works."""
        observed, why = child.observed
        fails = child.state.get("failures", 0) >= self._reopened
        breaks_off = child.state.get("unopened", 0) == 0
        if observed == "reconnecting" and not slot.unreachable_alerted and fails:
            slot.unreachable_alerted = True
            does = "fails repeatedly" if breaks_off else "cannot be opened and is retried"
            text = sentence("{camera} {does}. {why}", camera=slot.desired, does=does, why=why)
            self._events.raise_alert(f"camera.unreachable:{slot.desired.slug}", text, "error", slot.desired)
        elif slot.unreachable_alerted and observed in {"ready", "busy"} and not (fails and breaks_off):
            self._resolve_unreachable(slot)

    def resolve_stale_alerts(self, slot: CameraSlot) -> None:
        """For a camera that is new to this Supervisor: resolve the alerts that an earlier one left open."""
        self._quarantine.release(slot)
        self._resolve_unreachable(slot)
        self.resolve_stalled(slot)
        # No process starts that would resolve what an earlier recorder has raised, so `clear_alerts` does it.
        if not slot.desired.runs:
            slot.alerts.add(*(f"recording.{about}:{slot.desired.slug}" for about in RECORDER_ALERTS))

    def clear_alerts(self, slot: CameraSlot) -> None:
        """Resolve its alerts: the camera should not run."""
        if slot.quarantined:
            self._quarantine.release(slot, BY_PERSON)
        # This runs on each tick while the camera should not run: without the check it would write ten times a second.
        if slot.unreachable_alerted:
            self._resolve_unreachable(slot)
        if slot.stalled_alerted:
            self.resolve_stalled(slot)
        # While the process is still ending, its recorder may raise another one.
        for key in slot.alerts.remove_all() if slot.child is None else ():
            self._events.resolve_alert(key)

    def raise_stalled(self, slot: CameraSlot, message: str) -> None:
        slot.stalled_alerted = True
        self._events.raise_alert(f"session.stalled:{slot.desired.slug}", message, "error", slot.desired)

    def resolve_stalled(self, slot: CameraSlot) -> None:
        slot.stalled_alerted = False
        self._events.resolve_alert(f"session.stalled:{slot.desired.slug}")

    def _resolve_unreachable(self, slot: CameraSlot) -> None:
        slot.unreachable_alerted = False
        self._events.resolve_alert(f"camera.unreachable:{slot.desired.slug}")


class FailureAlerts:
    """Only the Supervisor's thread uses it."""

    def __init__(self, events: EventSink) -> None:
        self._events = events
        self._failures: dict[str, str] = {}
        """Slug, or nothing for the loop itself -> the error."""

    def run_safely(self, camera: CameraRef | None, step: Callable[[], None]) -> None:
        """An error with one camera must not stop the supervision of the others. It raises one alert, which is resolved
        after the first step without an error."""
        slug = camera.slug if camera else ""
        key, before = f"supervisor.stumbled:{slug}", self._failures.get(slug, "")
        try:
            step()
        except Exception as error:
            self._failures[slug] = failure = f"{type(error).__name__}: {error}"
            # Once for each error: the step is repeated ten times a second.
            if failure != before:
                log.exception("The Supervisor failed at %s and goes on.", slug or "its own loop")
                what = "{camera} is not supervised" if slug else "No camera of this host is supervised"
                message = sentence(
                    f"{what} ({{failure}}). See the log, then run `skycam restart worker`.",
                    camera=camera, failure=failure,
                )  # fmt: skip
                self._events.raise_alert(key, message, "critical", camera)
            return
        if before:
            del self._failures[slug]
            self._events.resolve_alert(key)


STORAGE_ALERTS = ("storage.unmounted", "storage.failed", "storage.last_floor")
"""Alerts that stay open until the root is opened again. A full disk is an alert of the station's health."""
STORAGE_RESOLVES = {"storage.room": "storage.last_floor"}
"""Kind of event -> the one of STORAGE_ALERTS that it resolves."""
ROOT_EVENTS = {*STORAGE_ALERTS, *STORAGE_RESOLVES}
"""Kinds of events that concern a whole storage root, not one camera."""
