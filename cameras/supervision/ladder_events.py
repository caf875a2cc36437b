"""The events `camera.ladder`: one for each step of the recovery ladder, with its reason."""

from __future__ import annotations

from typing import Any

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.ports import EventSink
from cameras.supervision.recovery_policy import STEPS

LADDER_STEPS = (*STEPS, "back_off", "usb_reset", "quarantine", "release")


def record_step(
    events: EventSink, slot: CameraSlot, step: str, why: str, severity: str = "warning", **data: Any
) -> None:
    """Record the event of a step; `why` is the whole message. On any thread."""
    events.record_event("camera.ladder", why, severity, slot.desired, {"step": step, **data})
