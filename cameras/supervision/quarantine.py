"""Quarantine: no further process is started for a camera until someone, or its return, releases it."""

from __future__ import annotations

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.ladder_events import record_step
from cameras.supervision.ports import EventSink
from core.text.sentences import sentence

BY_PERSON = "a person"


class Quarantine:
    """Has no state of its own: it writes `quarantined` of the slots. Only the Supervisor's thread uses it."""

    def __init__(self, events: EventSink) -> None:
        self._events = events

    def quarantine(self, slot: CameraSlot, cause: str) -> None:
        slot.quarantined = (
            f"It failed {slot.restarts.failures} times in a row, the last time because: {cause} "
            "Check the camera and the log, then connect it."
        )
        whole = sentence("{camera} is quarantined. {why}", camera=slot.desired, why=slot.quarantined)
        # The next search only notes where the camera is: one that is still attached has not returned.
        slot.last_seen = None
        failures = slot.restarts.failures
        record_step(self._events, slot, "quarantine", whole, "error", failures=failures, reason=cause)
        self._events.raise_alert(f"camera.quarantined:{slot.desired.slug}", whole, "critical", slot.desired)
        self._events.record_observed(slot, "quarantined", slot.quarantined)

    def release(self, slot: CameraSlot, who: str = "", text: str = "") -> None:
        """End a quarantine, also one of an earlier Supervisor that left its alert open."""
        if slot.quarantined and who:
            text = text or sentence("{camera} was released by {who}.", camera=slot.desired, who=who)
            record_step(self._events, slot, "release", text, "info", reason=who)
        slot.quarantined = ""
        slot.restarts.reset()
        self._events.resolve_alert(f"camera.quarantined:{slot.desired.slug}")

    def retry_now(self, slot: CameraSlot) -> None:
        """Retry at once, on the request of a person."""
        self.release(slot, BY_PERSON)
        slot.retry()
