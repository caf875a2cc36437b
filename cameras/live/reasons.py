"""Why there is no picture: a reason for programs, and a sentence that says what to do."""

from __future__ import annotations

from typing import Protocol, TypedDict

from cameras.live.viewer import RateLimiter
from cameras.status.messages import Status
from core.camera_names import CameraName
from core.text.sentences import sentence, spans_of


class NoFrame(TypedDict):
    type: str
    reason: str
    message: str
    mentions: list[list[int]]
    """Where the message has the camera's slug: `[[begin, end], ...]` in characters."""
    last_frame: str | None


class Bandwidth(Protocol):
    """As `live_streaming_config.bandwidth`: kbit/s, 0 for no limit."""

    @property
    def per_viewer_kbit_s(self) -> int: ...

    @property
    def total_kbit_s(self) -> int: ...


SENTENCES = {
    "broker": "The station's broker does not answer. Recording continues; pictures return when the broker does.",
    "host_down": "The camera host of {camera} does not answer. Start `skycam up` there.",
    "disabled": "{camera} is disabled. A manager can enable it.",
    "disconnected": "{camera} is disconnected. Connect it to see pictures.",
    "starting": "{camera} is starting.",
    "reconnecting": "{camera} was lost and is reconnecting. {why}",
    "quarantined": "{camera} is quarantined and needs attention. {why}",
    "busy": "{camera} is exposing; the next picture comes after the exposure.",
    "stale": "{camera} is ready but sends no pictures; the last one came at {last}.",
    "never": "{camera} is ready but has sent no picture yet.",
}


def no_frame_message(slug: str, status: Status | None) -> NoFrame:
    """Why the camera has no picture. `status` is None when the broker is away."""
    if status is None:
        return refusal_message("broker", SENTENCES["broker"])
    reason, last = no_frame_reason(status), status["last_frame"]
    # The socket knows its camera by the slug alone.
    message = sentence(SENTENCES[reason], camera=CameraName(slug, slug), why=status["reason"], last=last)
    return NoFrame(type="no_frame", reason=reason, message=message.strip(), mentions=spans_of(message), last_frame=last)


def refusal_message(reason: str, message: str) -> NoFrame:
    """For reasons that do not come from the camera: broker, disabled, capacity, bandwidth."""
    return NoFrame(type="no_frame", reason=reason, message=message, mentions=[], last_frame=None)


def host_load_message(status: Status | None) -> str:
    """Why the camera's host makes smaller or fewer pictures."""
    reported = status.get("lowered") if status else ""
    return reported or "The camera host is busy: pictures are smaller or fewer."


def bandwidth_message(limits: Bandwidth, rate_limiter: RateLimiter) -> str:
    """Which limit drops pictures; `rate_limiter` is the viewer's own."""
    if limits.per_viewer_kbit_s and (not limits.total_kbit_s or rate_limiter.wait_s()):
        return f"One viewer gets {limits.per_viewer_kbit_s} kbit/s at most: pictures are dropped."
    return f"All viewers together get {limits.total_kbit_s} kbit/s at most: pictures are dropped."


def no_frame_reason(status: Status) -> str:
    observed = status["observed"]
    if observed == "host_down" and status["desired"] == "disabled":
        return "disabled"
    if observed in SENTENCES:
        return observed
    return "stale" if status["last_frame"] else "never"
