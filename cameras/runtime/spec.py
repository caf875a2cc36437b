"""What a camera process is started with: its whole job, as one JSON line."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from cameras.runtime.sessions import SessionOrder


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
    station: str
    redis_url: str
    site: dict[str, Any]
    """latitude, longitude, time_zone; each may be null."""
    margin_s: float
    """What a call may take beyond exposure and readout before the camera counts as hung."""
    clock_wait_s: float
    """How long a session waits, after a start of the machine, for a synchronised clock."""
    consumers: dict[str, str]
    """Name -> dotted path (`cameras.tables.CONSUMERS`)."""
    session: SessionOrder | None
    verdict: dict[str, str] | None
    """`reason` and `message` for what the process before left unfinished, when the Supervisor knows."""
    faults: NotRequired[dict[str, Any]]
    """Those that a simulated camera begins with."""
    kill: NotRequired[dict[str, Any]]
    """`point` and `passes`: for tests of the spool protocol."""
