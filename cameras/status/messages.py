"""What camera hosts write to Redis about themselves and their cameras, and what readers get. Django-free.
`status:<slug>` is a hash with the fields of `Status`, each as JSON; `host:<host>` is a `Heartbeat`, `process:<slug>`
a `Usage`, and `alerts` a list of `OpenAlert`, all as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

from cameras.gates.gate import GateStatus, format_number
from cameras.runtime.messages import AgendaStatus, LastCapture, SessionStatus
from cameras.runtime.settings_drift import Difference
from cameras.runtime.spec import Recorder

HOST_SILENT = "The camera host does not answer."


class CaptureCounts(TypedDict):
    """How many captures had each outcome since the camera was added; those that were skipped include those that an
    outage prevented. The numbers never fall."""

    saved: int
    failed: int
    skipped: int


class Status(TypedDict):
    camera: str
    desired: str
    observed: str
    since: str | None
    reason: str
    session: SessionStatus | None
    agenda: AgendaStatus | None
    """None while the camera process holds none."""
    recording: bool
    """Whether a clip is being written."""
    recorder: Recorder | None
    """None while no recording is desired, or its status is unknown."""
    temperature_celsius: float | None
    last_frame: str | None
    last_capture: LastCapture | None
    captures: CaptureCounts | None
    """None while it is unknown."""
    fps: float
    vendor: str
    model: str
    serial: str
    firmware: str
    battery_percent: float | None
    card_free_bytes: int | None
    held_by: str | None
    held_since: str | None
    held_schedule: str | None
    """Name of the schedule whose run holds the camera: each operator may stop it. None for a person."""
    faults: dict[str, Any]
    lowered: str
    """Why live pictures are reduced below their quality; empty when they are not."""
    differs: list[Difference]
    """Settings changed on the camera's body since they were applied."""
    gates: list[GateStatus]
    """While one is closed, sessions take no captures."""


class Heartbeat(TypedDict):
    host: str
    at: NotRequired[str]
    """When it was written; missing if the heartbeat expired while it was read."""
    version: NotRequired[str]
    clock: NotRequired[str]
    """Whether the machine's clock is synchronised: `synchronised`, `unsynchronised` or `unknown`."""
    ahead_s: NotRequired[float]
    """How far the machine's clock is ahead of the broker's, in seconds; negative when it is behind."""
    database_ahead_s: NotRequired[float]
    """The same against the database's clock, as last measured; missing where the database is a file."""
    schema: NotRequired[int]
    """Number of the database's schema that its version has, and of the protocol that it speaks (core/versions.py);
    missing in a heartbeat of a version before number 2."""
    protocol: NotRequired[int]
    time_zone: NotRequired[str]
    """Name of the site's time zone, by which `skycam status` shows times; missing until the host has read it."""
    draining: NotRequired[bool]
    """True while a manager drains the host; else missing."""


class OpenAlert(TypedDict):
    key: str
    severity: str
    state: str
    camera: str
    """The slug; empty for an alert that belongs to no camera."""
    message: str


class Usage(TypedDict):
    """`cpu_percent` of one processor over the last seconds; `memory_bytes` is the proportional set size, as in `skycam
    ps`."""

    pid: int
    cpu_percent: float
    memory_bytes: int


class StationStatus(TypedDict):
    station: str
    name: str
    """The station's display name; its id until a host has written one."""
    hosts: list[Heartbeat]
    cameras: list[Status]
    alerts: list[OpenAlert]


def absent_status(slug: str, desired: str, reason: str = HOST_SILENT) -> Status:
    """The status of a camera whose host does not write one."""
    return Status(
        camera=slug, desired=desired, observed="host_down", since=None, reason=reason, session=None, agenda=None,
        recording=False, recorder=None, temperature_celsius=None, last_frame=None, last_capture=None, captures=None,
        fps=0.0,
        vendor="", model="", serial="", firmware="", battery_percent=None, card_free_bytes=None, held_by=None,
        held_since=None, faults={}, lowered="", differs=[],
        gates=[], held_schedule=None,
    )  # fmt: skip


def blocking_gates(session: SessionStatus | None, gates: list[GateStatus]) -> list[GateStatus]:
    """Of the gates in a camera's status the closed ones, while its session is running. Not of a session that chooses
    its exposures: some of them may need no sky, and it says by itself what it waits for."""
    if session is None or session["state"] != "running" or session.get("waits"):
        return []
    # A host of an older version sends neither `since` nor `opens`.
    return [gate for gate in gates if not gate["open"] and "since" in gate]


def describe_pause(gates: list[GateStatus], clock: Callable[[str], str]) -> str:
    """`Paused by the gate rain since 17:29 (0.8; opens below 0.05 for 20 s).`; empty without a gate. `clock` formats a
    time stamp."""
    return " ".join(
        f"Paused by the gate {gate['name']} since {clock(gate['since'])} ({'; '.join(_facts(gate))})." for gate in gates
    )


def _facts(gate: GateStatus) -> list[str]:
    value = gate["value"]
    shown = "value unknown" if value is None else value if isinstance(value, str) else format_number(value)
    return [shown, f"opens {gate['opens']}"] if gate["opens"] else [shown]
