"""The spec of a camera process: its whole job, as one JSON line on stdin; and the state of the recording that it asks
for, as it is reported each second and in answers. Django-free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, TypedDict

from cameras.gates.gate import GateStatus
from cameras.spool.agenda import Agenda
from cameras.spool.records import StillFormats
from cameras.spool.session_files import DesiredSession
from core.outgoing import Rules


class Recording(TypedDict):
    """What a camera should record."""

    kind: str
    """The kind of its clips: `rolling` or `manual`."""
    clip_s: float
    """Length of a clip in seconds; then the next one begins."""
    preset: str
    crf: int
    max_kbit_s: int
    floor_bytes: int
    """With fewer free bytes on the disk, nothing is recorded."""
    rolling_floor_bytes: NotRequired[int]
    """The same for rolling clips. Higher while the disk has no other clip to delete: a new one would be deleted at
    once."""
    requested_by: str
    experiments: NotRequired[list[str]]
    """Ids of the experiments to which its clips belong. A change begins a new clip."""


class HeldLease(TypedDict):
    """The lease of a user on the camera."""

    held_by: str
    until_boot_s: float
    """When it runs out unless it is renewed, in seconds since this machine was booted: the lease ends by the database's
    clock, from which the wall clock of this machine may differ."""


class TelescopeSpec(TypedDict):
    """The source of the telescope's status."""

    source: str
    """A key of `cameras.telescope_status.sources.STATUS_SOURCES`."""
    settings: dict[str, Any]


class Spec(TypedDict):
    camera: str
    """UUID of the camera; its spool is named by it."""
    slug: str
    kind: str
    address: str
    settings: dict[str, Any]
    sources: list[str]
    root: str
    root_path: str
    video_root: str
    """The storage root of clips; usually `root`."""
    video_root_path: str
    station: str
    site: dict[str, Any]
    """`latitude`, `longitude` and `time_zone`; each may be null. `elevation` in metres may be missing."""
    file_names: NotRequired[str]
    """Template of the names of picture files; the default one when it is missing."""
    margin_s: float
    """Seconds that a call may take beyond exposure and readout before the camera counts as hung."""
    clock_wait_s: float
    """Seconds that a session waits for a synchronised clock after the machine has started."""
    consumers: dict[str, str]
    """Name -> dotted path (`cameras.tables.CONSUMERS`)."""
    session: DesiredSession | None
    agenda: NotRequired[Agenda]
    """The sessions that it begins by itself. Without it, those of the agenda in its spool."""
    lease: NotRequired[HeldLease | None]
    formats: NotRequired[StillFormats]
    """The files to make of stills; JPEG alone when it is missing."""
    gates: NotRequired[list[GateStatus]]
    """The gates of the camera when the process was started. Without them, sessions are not gated."""
    recording: Recording | None
    decided_outcome: dict[str, str] | None
    """`reason` and `message` for captures that the previous process left unfinished, if the Supervisor knows them."""
    disk_reserve_bytes: NotRequired[int]
    """Sessions skip their stills while fewer bytes are free. No reserve when it is missing."""
    presets: NotRequired[dict[str, dict[str, Any]]]
    """Presets of live view: quality -> size, jpeg_quality, fps. Defaults to those of `cameras.live.presets`."""
    outgoing: NotRequired[Rules]
    """Rules for the addresses that a network camera may connect to; without them, the defaults."""
    telescope: NotRequired[TelescopeSpec]
    """The telescope on which the camera stands, if it is configured."""
    faults: NotRequired[dict[str, Any]]
    """The faults that a simulated camera starts with."""
    telemetry_s: NotRequired[float]
    """Seconds between two readings of temperature, battery, card and settings. Defaults to that of `DeviceTimes`."""
    report_s: NotRequired[float]
    """Seconds between two reports of the state; 1 when it is missing."""
    kill: NotRequired[dict[str, Any]]
    """A failpoint to arm, for tests: `point` and `passes`."""


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
