"""What a camera process is started with: its whole job, as one JSON line."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from cameras.runtime.sessions import DesiredSession
from core.outgoing import Rules


class Recording(TypedDict):
    """What a camera shall record."""

    kind: str
    """Of its clips: `rolling` or `manual`."""
    clip_s: float
    """Seconds of a clip; then the next one begins."""
    preset: str
    crf: int
    max_kbit_s: int
    floor_bytes: int
    """With less room than this on the disk nothing is recorded."""
    rolling_floor_bytes: NotRequired[int]
    """The same of rolling clips: more where none is left on the disk that may go, as each would go at once."""
    requested_by: str


class Spec(TypedDict):
    camera: str
    """UUID of the camera; names its spool."""
    slug: str
    kind: str
    address: str
    settings: dict[str, Any]
    sources: list[str]
    root: str
    root_path: str
    video_root: str
    """Where clips go; mostly `root`."""
    video_root_path: str
    station: str
    site: dict[str, Any]
    """latitude, longitude, time_zone; each may be null."""
    margin_s: float
    """What a call may take beyond exposure and readout before the camera counts as hung."""
    clock_wait_s: float
    """How long a session waits, after a start of the machine, for a synchronised clock."""
    consumers: dict[str, str]
    """Name -> dotted path (`cameras.tables.CONSUMERS`)."""
    session: DesiredSession | None
    recording: Recording | None
    verdict: dict[str, str] | None
    """`reason` and `message` for what the process before left unfinished, when the Supervisor knows."""
    disk_reserve_bytes: NotRequired[int]
    """Free bytes below which sessions skip their stills; without it there is none."""
    presets: NotRequired[dict[str, dict[str, Any]]]
    """Of live view: quality -> size, jpeg_quality, fps. Those of `cameras.live.presets` where there are none."""
    outgoing: NotRequired[Rules]
    """What a network camera's address may lead to; the usual where there are none."""
    faults: NotRequired[dict[str, Any]]
    """Those that a simulated camera begins with."""
    kill: NotRequired[dict[str, Any]]
    """`point` and `passes`: for tests of the spool protocol."""
