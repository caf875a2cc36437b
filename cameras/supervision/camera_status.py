"""The status of a camera as its host publishes it, with its last capture and the totals of its captures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from operator import itemgetter
from typing import Any, cast

from cameras.gates.gate import GateStatus
from cameras.leases import holder_fields, who_holds
from cameras.live.presets import LoadShedder
from cameras.runtime.messages import LastCapture
from cameras.runtime.settings_drift import still_desired
from cameras.runtime.spec import is_recording, observed_recording, shared
from cameras.spool.moments import iso, seconds_of
from cameras.spool.records import CaptureRecord
from cameras.status.messages import CaptureCounts, Status, absent_status
from cameras.supervision.camera_slot import CameraSlot
from cameras.tables import CAPTURE_TOTALS, LAST_CAPTURES
from core.changes import ChangeGate
from core.registry import resolve

TOTALS_READ_S = 2.0


class CaptureTotals:
    """Read from the database when captures of any host were stored, but apart from the desired states and more seldom:
    the captures of one host are no reason for all others to read theirs. Only the database thread changes it; the
    totals are replaced whole, so any thread may read them, and keeps the last ones while the database is away."""

    def __init__(self) -> None:
        self._totals: Mapping[str, CaptureCounts] = {}
        self._gate, self._looked_at = ChangeGate(), float("-inf")

    def find(self, camera: str) -> CaptureCounts | None:
        """None for a camera that was not read yet."""
        return self._totals.get(camera)

    def read_if_due(self, cameras: Collection[str], now: float) -> None:
        """Each TOTALS_READ_S, and at once for a new camera. `now` is in time.monotonic(). Raises DatabaseError."""
        if set(cameras) - self._totals.keys():
            self._gate.call_now(lambda: self._read(cameras))
        elif now - self._looked_at >= TOTALS_READ_S:
            self._gate.call(lambda: self._read(cameras))
        else:
            return
        self._looked_at = now

    def _read(self, cameras: Collection[str]) -> None:
        self._totals = resolve(CAPTURE_TOTALS["captures"])(cameras)


class LastCaptures:
    """Read from the database when a camera comes to this host, then kept up to date by the ingest. Only the database
    thread changes it; the captures are replaced whole, so any thread may read them."""

    def __init__(self) -> None:
        self._captures: dict[str, LastCapture] = {}
        self._read: frozenset[str] = frozenset()

    def find(self, camera: str) -> LastCapture | None:
        """None for a camera without one. It may be from an earlier process or Supervisor."""
        return self._captures.get(camera)

    def read_new(self, cameras: Collection[str]) -> None:
        """Read those of the host's cameras that it did not have at the last call. Raises DatabaseError."""
        new = [camera for camera in cameras if camera not in self._read]
        for camera, last in resolve(LAST_CAPTURES["captures"])(new).items():
            self._note(camera, last)
        # Without those that moved away: when they are back, another host may have taken their last capture.
        self._read = frozenset(cameras)

    def note(self, camera: str, record: CaptureRecord) -> None:
        """Note the capture of an ingested record. An older one replaces no newer one."""
        body = record["body"]
        # Records of older versions have other digits, by which the newest could not be found.
        at = iso(seconds_of(body["ended"]))
        self._note(camera, LastCapture(id=record["id"], status=body["outcome"], reason=body["reason"], at=at))

    def _note(self, camera: str, last: LastCapture) -> None:
        known = self._captures.get(camera)
        if known is None or known["at"] <= last["at"]:
            self._captures = {**self._captures, camera: last}


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
        found["last_capture"] = newest_capture(*known_captures)
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


def newest_capture(*captures: LastCapture | None) -> LastCapture | None:
    """The newer of what its process reports and what was ingested, which may be from an earlier process."""
    return max((one for one in captures if one), key=itemgetter("at"), default=None)
