"""Cameras with their observed state, as pages and answers show them to a user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import prefetch_related_objects

from cameras.audience import audience_of
from cameras.drivers.credentials import redact_address
from cameras.leases import Lease, LeaseHolder, lease_of
from cameras.live.viewer_registry import LIVE_VIEW_OFF
from cameras.models import Camera, desired_connection, may_record
from cameras.runtime.spec import Recorder, is_slow
from cameras.status import status as statuses
from cameras.status.messages import Status, absent_status, blocking_gates
from cameras.status.status import Observation, read_observations
from core.broker.broker import BrokerDown
from core.station_settings import live_streaming_config
from core.templatetags.skycam import clock_text
from core.text.names import person

BROKER_AWAY = (
    "The station's broker does not answer, so the state of the camera is unknown. Cameras and sessions continue."
)


@dataclass(frozen=True, slots=True)
class StateDisplay:
    """`tone` is empty, ok, act, rec, warn or bad. The coloured area grows with severity."""

    glyph: str
    label: str
    tone: str = ""


STATE_DISPLAYS = {
    "disabled": StateDisplay("off", "Off"),
    "disconnected": StateDisplay("off", "Disconnected"),
    "starting": StateDisplay("wait", "Starting"),
    "ready": StateDisplay("ready", "Ready"),
    "busy": StateDisplay("expose", "Exposing", "act"),
    "reconnecting": StateDisplay("retry", "Reconnecting", "warn"),
    "quarantined": StateDisplay("quar", "Quarantined", "bad"),
    "host_down": StateDisplay("bad", "Host down", "bad"),
    "unknown": StateDisplay("stale", "Unknown", "warn"),
}
LIVE = StateDisplay("live", "Live", "ok")
RECORDING = StateDisplay("rec", "Recording", "rec")
NOT_YET = StateDisplay("wait", "Not recording", "warn")
FAILING = StateDisplay("bad", "Not recording", "bad")
NOT_REQUESTED = StateDisplay("off", "Not recording")
UNKNOWN = StateDisplay("stale", "Unknown", "warn")
BETWEEN = StateDisplay("wait", "In session", "act")
GATE_CLOSED = StateDisplay("wait", "Gate closed", "warn")
STALE_STATES = frozenset({"reconnecting", "quarantined", "host_down", "unknown"})

ADVICE = {
    "quarantined": (
        "Check the camera: its power, cable and display.",
        "Read the last events on its page.",
        "Press Connect, or unplug the camera and plug it in again. Skycam then starts it.",
    ),
    "host_down": (
        "Check that the machine is on and reachable.",
        "Start the station there: skycam up",
    ),
    "unknown": ("Open Status to see which part is not running.",),
}
"""What a person can do, in order, where Skycam cannot recover the camera by itself."""


@dataclass(frozen=True)
class CameraDisplay:
    """A camera and its observed status."""

    camera: Camera
    status: Status

    @property
    def observed(self) -> str:
        # A camera that is meant to be off is no fault: it shows as off even if its host is down or the broker is away.
        desired = desired_connection(self.camera)
        return self.status["observed"] if desired == "connected" else desired

    @property
    def lease(self) -> Lease | None:
        """From the row, so that it is known while the broker is away."""
        return lease_of(self.camera)

    @property
    def recorder(self) -> Recorder | None:
        """The status of the recording; None where none is desired, or the status is unknown."""
        return self.status["recorder"]

    @property
    def records_slowly(self) -> bool:
        """Whether the video has less than the set rate."""
        return is_slow(self.recorder)

    @property
    def can_stop_recording(self) -> bool:
        """Whether a recording is desired or still runs."""
        return bool(self.camera.recording or self.recorder)

    @cached_property
    def recording_display(self) -> StateDisplay:
        """Whether it records as desired."""
        if self.recorder:
            return {"recording": RECORDING, "waiting": NOT_YET, "failing": FAILING}[self.recorder["state"]]
        return UNKNOWN if self.camera.recording else NOT_REQUESTED

    @cached_property
    def state_display(self) -> StateDisplay:
        shown = {"ready": {NOT_YET, FAILING}, "busy": {FAILING}}.get(self.observed, ())
        if self.recording_display in shown:
            return self.recording_display
        if self.observed != "ready":
            return STATE_DISPLAYS.get(self.observed, STATE_DISPLAYS["unknown"])
        if self.status["recording"]:
            return RECORDING
        if self.status["session"]:
            return GATE_CLOSED if blocking_gates(self.status["session"], self.status["gates"]) else BETWEEN
        return LIVE if self.status["fps"] else STATE_DISPLAYS["ready"]

    @property
    def is_stale(self) -> bool:
        """Whether the shown data is old because of a fault, not because the camera is off."""
        return self.observed in STALE_STATES

    @property
    def advice(self) -> tuple[str, ...]:
        return ADVICE.get(self.observed, ())

    @property
    def streams(self) -> bool:
        return bool(self.camera.capabilities.get("stream") or self.camera.capabilities.get("preview"))

    @property
    def may_record(self) -> bool:
        return may_record(self.camera)

    @property
    def is_live(self) -> bool:
        """Whether pages may request live pictures."""
        # The row and not the status decides: a page that is loaded while the camera reconnects starts its viewer, which
        # shows pictures as soon as they come.
        desired = self.camera.enabled and self.camera.connected
        return self.streams and desired and bool(live_streaming_config().enabled)

    @property
    def why_not_live(self) -> str:
        """What to do to get a live picture; empty where it will come by itself."""
        if not live_streaming_config().enabled:
            return LIVE_VIEW_OFF
        if not self.camera.enabled:
            enable = f"`skycam cameras set {self.camera.slug} --enabled`"
            return f"{self.camera.name} is disabled. A manager can enable it on its page, under Edit, or by {enable}."
        if not self.camera.connected:
            return f"{self.camera.name} is disconnected. Connect it to see pictures."
        # Capabilities are empty until a camera was opened once: until then nothing rules a live view out.
        if self.camera.capabilities and not self.streams:
            return f"{self.camera.name} has no live view. Capture takes a picture."
        return ""

    @property
    def last_image_at(self) -> datetime | None:
        """When its newest picture was captured, as its process reports."""
        last = self.status["last_capture"]
        reported = [text for text in (self.status["last_frame"], last and last["at"]) if text]
        return max((datetime.fromisoformat(text) for text in reported), default=None)


def camera_displays(cameras: Iterable[Camera]) -> list[CameraDisplay]:
    """In the given order; all `unknown` while the broker is away."""
    listed = list(cameras)
    try:
        found = statuses.read_statuses(listed)
    except BrokerDown:
        found = {camera.slug: unknown(camera) for camera in listed}
    return [CameraDisplay(camera, found[camera.slug]) for camera in listed]


def unknown(camera: Camera) -> Status:
    # `absent_status` says host_down, which is unknown while the broker is away.
    return {**absent_status(camera.slug, desired_connection(camera), BROKER_AWAY), "observed": "unknown"}


def held_sentence(holder: LeaseHolder | None, actor: str) -> str:
    """Why `actor` cannot control the camera; empty where they can."""
    if holder is None or holder.held_by == person(actor):
        return ""
    by = holder.label if holder.schedule else f"Held by {holder.held_by}"
    return f"{by} since {clock_text(holder.since)}. Take it over first."


def summary(displays: Iterable[CameraDisplay]) -> str:
    """`5 cameras: 3 working, 1 reconnecting, 1 quarantined`."""
    counts: dict[str, int] = {}
    listed = list(displays)
    for display in listed:
        label = "working" if display.observed in {"ready", "busy"} else display.state_display.label.lower()
        counts[label] = counts.get(label, 0) + 1
    count = f"{len(listed)} camera{'s' * (len(listed) != 1)}"
    if not listed:
        return "No cameras yet"
    return f"{count}: {', '.join(f'{number} {label}' for label, number in counts.items())}"


@dataclass(frozen=True)
class ShownCamera:
    """What an answer has otherwise than the row; all else is the row's."""

    camera: Camera
    observation: Observation
    to_manager: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.camera, name)

    @property
    def address(self) -> str | None:
        return redact_address(self.camera.address) if self.to_manager else None

    @property
    def audience(self) -> list[str] | None:
        return audience_of(self.camera) if self.to_manager else None

    @property
    def keep(self) -> list[str]:
        return self.camera.kept_formats

    @property
    def desired(self) -> str:
        return desired_connection(self.camera)

    @property
    def observed(self) -> str:
        return self.observation.observed

    @property
    def reason(self) -> str:
        return self.observation.reason

    @property
    def since(self) -> str | None:
        return self.observation.since


def shown_cameras(cameras: Iterable[Camera], user: Any) -> list[ShownCamera]:
    """In a constant number of queries."""
    listed, to_manager = list(cameras), user.may("manager")
    if to_manager:
        # The answers of other users have no audience, so they save this query.
        prefetch_related_objects(listed, "audience")
    observations = read_observations(listed)
    return [ShownCamera(camera, observations[camera.slug], to_manager) for camera in listed]
