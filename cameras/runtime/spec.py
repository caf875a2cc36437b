"""The spec of a camera process: its whole job, as one JSON line on stdin."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

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
