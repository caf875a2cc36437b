"""What is said of a camera's recording, each second and in answers. Without Django."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict

from cameras.runtime.spec import Recording


class Recorder(TypedDict):
    """Of a camera that shall record. What is of the open clip is null, or 0, while there is none."""

    state: Literal["recording", "waiting", "failing"]
    """A clip grows; no frame comes; or nothing can be written, for `reason` and with what to do in `message`."""
    kind: str
    by: str
    """Who wished it."""
    since: str | None
    """Since when frames have been written; null before the first."""
    reason: str
    message: str
    lost_frames: int
    """Since then."""
    free_bytes: int | None
    """On the disk of the clips."""
    clip: str | None
    clip_started: str | None
    frames: int
    bytes: int
    mb_per_min: float | None
    """How fast it grows; null in its first seconds."""
    floor_s: int | None
    """Seconds until the disk is at the floor, at that rate; as told by its host, of all that it records."""


def waiting_recorder(wish: Recording, message: str) -> Recorder:
    """Of a camera that gives no frames yet."""
    return Recorder(
        state="waiting", kind=wish["kind"], by=wish["requested_by"], since=None, reason="", message=message,
        lost_frames=0, free_bytes=None, clip=None, clip_started=None, frames=0, bytes=0, mb_per_min=None,
        floor_s=None,
    )  # fmt: skip


def observed_recording(state: Mapping[str, Any], wish: Recording | None, why: str) -> Recorder | None:
    """As its process told in its last `state`, or that it waits where no process tells; `why` is what keeps the
    camera."""
    if "recorder" not in state:
        return waiting_recorder(wish, why) if wish else None
    recorder: Recorder | None = state["recorder"]
    if recorder and recorder["state"] == "waiting" and not recorder["message"]:
        return {**recorder, "message": why}
    return recorder


def shared(recorder: Recorder | None, others: Iterable[Recorder | None]) -> Recorder | None:
    """With the time until the floor as `others` fill the same disk as well."""
    if recorder is None or not recorder["mb_per_min"] or recorder["floor_s"] is None:
        return recorder
    own = recorder["mb_per_min"]
    rates = own + sum(other["mb_per_min"] or 0 for other in others if other)
    return {**recorder, "floor_s": round(recorder["floor_s"] * own / rates)}


def is_recording(recorder: Recorder | None) -> bool:
    return recorder is not None and recorder["state"] == "recording"
