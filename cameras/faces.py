"""How a camera looks to a person: a glyph, a word and a tone for each state, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cameras import status as statuses
from cameras.broker import BrokerDown
from cameras.leases import Holder, Lease, lease_of, person
from cameras.live.places import OFF
from cameras.models import Camera, may_record
from cameras.runtime.recording_state import Recorder
from cameras.status import Status, absent, desired
from monitoring.station_settings import live_streaming_config
from monitoring.templatetags.skycam import clock_text

BROKER_AWAY = "The station's broker does not answer, so nobody knows. Cameras and sessions go on."


@dataclass(frozen=True, slots=True)
class Look:
    """`tone`: empty, ok, act, rec, warn or bad. Its colour's area grows with severity."""

    glyph: str
    word: str
    tone: str = ""


LOOKS = {
    "disabled": Look("off", "Off"),
    "disconnected": Look("off", "Disconnected"),
    "starting": Look("wait", "Starting"),
    "ready": Look("ready", "Ready"),
    "busy": Look("expose", "Exposing", "act"),
    "reconnecting": Look("retry", "Reconnecting", "warn"),
    "quarantined": Look("quar", "Quarantined", "bad"),
    "host_down": Look("bad", "Host down", "bad"),
    "unknown": Look("stale", "Unknown", "warn"),
}
LIVE = Look("live", "Live", "ok")
RECORDING = Look("rec", "Recording", "rec")
NOT_YET = Look("wait", "Not recording", "warn")
FAILING = Look("bad", "Not recording", "bad")
UNASKED = Look("off", "Not recording")
UNKNOWN = Look("stale", "Unknown", "warn")
BETWEEN = Look("wait", "In session", "act")
TROUBLED = frozenset({"reconnecting", "quarantined", "host_down", "unknown"})

ADVICE = {
    "quarantined": (
        "Look at the camera: power, cable, its own display.",
        "Read the events below its name for what it said last.",
        "Connect it, or unplug it and plug it in again. Skycam then starts it again.",
    ),
    "host_down": (
        "Look whether the machine is on and reachable.",
        "Start the station there: skycam up",
    ),
    "unknown": ("Look at Status: which part does not run.",),
}
"""What a person can do, in order, where the camera does not help itself."""


@dataclass(frozen=True, slots=True)
class Face:
    """A camera and what is observed of it now."""

    camera: Camera
    status: Status

    @property
    def observed(self) -> str:
        wished = desired(self.camera)
        return self.status["observed"] if wished == "connected" else wished

    @property
    def lease(self) -> Lease | None:
        """Who has taken it, also while the broker is away."""
        return lease_of(self.camera)

    @property
    def recorder(self) -> Recorder | None:
        """What is told of a recording that is wished; None also where nobody tells."""
        return self.status["recorder"]

    @property
    def to_stop(self) -> bool:
        """Whether there is a recording that could be stopped: one that is wished, or goes on yet."""
        return bool(self.camera.recording or self.recorder)

    @property
    def recording_look(self) -> Look:
        """Whether it records as it should."""
        if self.recorder:
            return {"recording": RECORDING, "waiting": NOT_YET, "failing": FAILING}[self.recorder["state"]]
        return UNKNOWN if self.camera.recording else UNASKED

    @property
    def look(self) -> Look:
        shown = {"ready": {NOT_YET, FAILING}, "busy": {FAILING}}.get(self.observed, ())
        if self.recording_look in shown:
            return self.recording_look
        if self.observed != "ready":
            return LOOKS.get(self.observed, LOOKS["unknown"])
        if self.status["recording"]:
            return RECORDING
        if self.status["session"]:
            return BETWEEN
        return LIVE if self.status["fps"] else LOOKS["ready"]

    @property
    def troubled(self) -> bool:
        """Whether what is shown of it is old, and not by wish."""
        return self.observed in TROUBLED

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
        """Whether live pictures may be asked for."""
        wished = self.camera.enabled and self.camera.connected
        return self.streams and wished and bool(live_streaming_config().enabled)

    @property
    def why_not_live(self) -> str:
        """What to do for a live picture, where there is none; empty where it only has to come."""
        if not live_streaming_config().enabled:
            return OFF
        if not self.camera.enabled:
            enable = f"`skycam cameras set {self.camera.slug} --enabled`"
            return f"{self.camera.name} is disabled. A manager can enable it on its page, under Edit, or by {enable}."
        if not self.camera.connected:
            return f"{self.camera.name} is disconnected. Connect it to see pictures."
        if self.camera.capabilities and not self.streams:
            return f"{self.camera.name} has no live view. Capture takes a picture."
        return ""

    @property
    def seen_at(self) -> datetime | None:
        """When its newest picture was made, as far as its process says."""
        last = self.status["last_capture"]
        told = [text for text in (self.status["last_frame"], last and last["at"]) if text]
        return max((datetime.fromisoformat(text) for text in told), default=None)


def faces_of(cameras: Iterable[Camera]) -> list[Face]:
    """In the order given; `unknown` while the broker is away."""
    listed = list(cameras)
    try:
        found = statuses.read_all(listed)
    except BrokerDown:
        found = {camera.slug: unknown(camera) for camera in listed}
    return [Face(camera, found[camera.slug]) for camera in listed]


def unknown(camera: Camera) -> Status:
    return {**absent(camera.slug, desired(camera), BROKER_AWAY), "observed": "unknown"}


def held_words(holder: Holder | None, actor: str) -> str:
    """Why `actor` cannot command a camera that `holder` has; empty where they can."""
    if holder is None or holder.held_by == person(actor):
        return ""
    return f"Held by {holder.held_by} since {clock_text(holder.since)}. Take it over first."


def summary(faces: Iterable[Face]) -> str:
    """`5 cameras: 3 working, 1 reconnecting, 1 quarantined`."""
    words: dict[str, int] = {}
    listed = list(faces)
    for face in listed:
        word = "working" if face.observed in {"ready", "busy"} else face.look.word.lower()
        words[word] = words.get(word, 0) + 1
    count = f"{len(listed)} camera{'s' * (len(listed) != 1)}"
    if not listed:
        return "No camera yet"
    return f"{count}: {', '.join(f'{number} {word}' for word, number in words.items())}"
