"""The status of a camera as its host publishes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, cast

from cameras.gates.messages import GateStatus
from cameras.leases.lease_holders import holder_fields, who_holds
from cameras.live.load_shedder import LoadShedder
from cameras.runtime.messages import LastCapture
from cameras.runtime.recording_state import is_recording, observed_recording, shared
from cameras.runtime.settings_drift import still_desired
from cameras.spool.moments import iso
from cameras.status.messages import Status, absent_status
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.capture_totals import CaptureTotals
from cameras.supervision.last_captures import LastCaptures

STATE_FIELDS = ("session", "last_frame", "temperature_celsius", "battery_percent", "card_free_bytes")
IDENTITY_FIELDS = ("vendor", "model", "serial", "firmware")
NOT_RECORDING_BECAUSE = {
    "busy": "It takes a picture.", "starting": "It is being opened.", "disconnected": "It is disconnected.",
    "disabled": "It is disabled.",
}  # fmt: skip
"""Why a camera is not recorded, when its process gives no reason."""


class StatusBuilder:
    """Has no state of its own; any thread may use it."""

    def __init__(
        self,
        slots: Mapping[str, CameraSlot],
        last_captures: LastCaptures,
        capture_totals: CaptureTotals,
        load_shedder: LoadShedder,
        gates_of: Callable[[CameraSlot], list[GateStatus]],
    ) -> None:
        self._slots, self._last_captures, self._capture_totals = slots, last_captures, capture_totals
        self._load_shedder, self._gates_of = load_shedder, gates_of

    def build_status(self, slot: CameraSlot) -> Status:
        desired, state, identity = slot.desired, slot.state, slot.identity
        observed, reason = slot.observed
        found: dict[str, Any] = {**absent_status(desired.slug, desired.connection, reason)}
        found |= {"observed": observed, "since": iso(slot.since), "fps": state.get("fps", 0.0), "faults": slot.faults}
        # The report is up to a second old: a setting whose desired value has changed since then is left out.
        found["differs"] = still_desired(state.get("differs") or [], desired.settings)
        found |= {name: state.get(name) for name in STATE_FIELDS}
        found["agenda"] = state.get("agenda")
        known_captures = (state.get("last_capture"), self._last_captures.find(desired.id))
        found["last_capture"] = newest(*known_captures)
        found["captures"] = self._capture_totals.find(desired.id)
        others = (other.state.get("recorder") for other in own_slots(self._slots) if other is not slot)
        found["recorder"] = shared(
            observed_recording(state, desired.recording, reason or NOT_RECORDING_BECAUSE.get(observed, "")), others
        )
        found["recording"] = is_recording(found["recorder"])
        found |= {name: identity.get(name, "") for name in IDENTITY_FIELDS}
        found |= holder_fields(who_holds(desired.lease, desired.runner))
        found["lowered"] = self.lowered
        found["gates"] = self._gates_of(slot)
        return cast(Status, found)

    @property
    def lowered(self) -> str:
        """Why live pictures are reduced; empty when they are not."""
        if not self._load_shedder.level:
            return ""
        load = f"{self._load_shedder.percent:.0f} % of its processors"
        return f"The camera host is busy ({load}): {self._load_shedder.description}."


def own_slots(slots: Mapping[str, CameraSlot]) -> list[CameraSlot]:
    """Without cameras that moved to another host: that host publishes them."""
    return [slot for slot in slots.values() if not slot.desired.elsewhere]


def newest(*captures: LastCapture | None) -> LastCapture | None:
    """The newer of what its process reports and what was ingested, which may be from an earlier process."""
    return max((one for one in captures if one), key=itemgetter("at"), default=None)
