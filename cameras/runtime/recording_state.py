"""The state of a camera's recording, as it is reported each second and in answers. Without Django."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict

from cameras.runtime.spec import Recording

SLOW_PERCENT = 90.0
"""A stream with fewer of the frames of its set rate is slow."""


class Recorder(TypedDict):
    """The state of a camera that should record. Fields of the open clip are null or 0 while there is none."""

    state: Literal["recording", "waiting", "failing"]
    """A clip grows; no frame arrives; or nothing can be written, for `reason`, with the next step in `message`."""
    kind: str
    by: str
    """Who requested the recording."""
    since: str | None
    """When the first frame was written; null before it."""
    reason: str
    message: str
    lost_frames: int
    """Frames lost since then."""
    holes: int
    """Times without a frame since then that were longer than two intervals."""
    expected_fps: float | None
    """The rate that the camera is set to; null if it has none."""
    actual_fps: float | None
    """Of the last minute, without the time of stills."""
    delivered_percent: float | None
    """Frames of the last minute, of those that were due by the set rate; null until a minute is over."""
    free_bytes: int | None
    """Free bytes on the disk of the clips."""
    clip: str | None
    clip_started: str | None
    frames: int
    bytes: int
    mb_per_min: float | None
    """The growth of the clip; null in its first seconds."""
    floor_s: int | None
    """Seconds until the free space is at its floor. The host counts the rates of all cameras that it records."""


def waiting_recorder(desired: Recording, message: str) -> Recorder:
    """The recorder of a camera that delivers no frames yet."""
    return Recorder(
        state="waiting", kind=desired["kind"], by=desired["requested_by"], since=None, reason="", message=message,
        lost_frames=0, holes=0, expected_fps=None, actual_fps=None, delivered_percent=None, free_bytes=None, clip=None,
        clip_started=None, frames=0, bytes=0, mb_per_min=None, floor_s=None,
    )  # fmt: skip


def observed_recording(state: Mapping[str, Any], desired: Recording | None, why: str) -> Recorder | None:
    """The recorder as the process reported it in its last `state`; without a process, a waiting one. `why` says what
    the camera is waiting for."""
    if "recorder" not in state:
        return waiting_recorder(desired, why) if desired else None
    recorder: Recorder | None = state["recorder"]
    if recorder and recorder["state"] == "waiting" and not recorder["message"]:
        return {**recorder, "message": why}
    return recorder


def shared(recorder: Recorder | None, others: Iterable[Recorder | None]) -> Recorder | None:
    """The recorder with the time until the floor that is left while `others` also write to the same disk."""
    if recorder is None or not recorder["mb_per_min"] or recorder["floor_s"] is None:
        return recorder
    own = recorder["mb_per_min"]
    rates = own + sum(other["mb_per_min"] or 0 for other in others if other)
    return {**recorder, "floor_s": round(recorder["floor_s"] * own / rates)}


def is_slow(recorder: Recorder | None) -> bool:
    """Whether the camera delivers less than its set rate."""
    # A host of an older version reports none.
    percent = recorder.get("delivered_percent") if recorder else None
    return percent is not None and percent < SLOW_PERCENT


def is_recording(recorder: Recorder | None) -> bool:
    return recorder is not None and recorder["state"] == "recording"
