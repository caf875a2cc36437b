"""The JSON files of a spool: plans, records of captures, gaps, sessions and clips, and the state of a session.

The camera process and the recoveries write them; the ingest reads them (`captures.ingest`).
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

# Plans


class FileOptions(TypedDict):
    """How a client wants the file of its capture: `name` replaces the camera's name in the file name, which then is
    unique only by its time. `jpeg_quality` applies to pictures that Skycam encodes."""

    name: str
    jpeg_quality: int


class _Plan(TypedDict):
    """The fields that every plan has. A class of its own: with postponed annotations `__required_keys__`, which the
    recovery checks, would contain a NotRequired field."""

    id: str
    camera: str
    slug: str
    session: str | None
    index: int | None
    planned: str
    boot: str
    boot_s: float
    deadline_s: float
    path: str
    asked: dict[str, Any]
    requested_by: str
    job: str


class Plan(_Plan, total=False):
    """A capture that is about to be exposed. `path` is the final path without the ending of the file."""

    file: FileOptions


class ClipPlan(TypedDict):
    """A clip that is about to be written: the fields that its record has for any outcome. `path` is its final path."""

    id: str
    camera: str
    slug: str
    path: str
    kind: str
    """`rolling` or `manual`."""
    started: str
    simulated: bool
    codec: str
    copied: bool
    width: int
    height: int
    requested_by: str


# Bodies of records

Outcome = Literal["saved", "failed", "skipped"]


class CaptureConditions(TypedDict):
    """The fields of a capture that do not depend on whether it was saved."""

    driver: str
    library: str
    firmware: str
    serial: str
    clock: str
    command: str


class CaptureObservations(TypedDict):
    """What the camera reported of an exposure. None where it reports nothing."""

    exposure_us: int | None
    gain: float | None
    iso: int | None
    f_number: float | None
    started: str | None
    ended: str
    warnings: list[str]
    temperature_celsius: float | None
    simulated: bool


class CaptureBody(TypedDict):
    """The columns of a capture. Those that are not required are missing when its process ended before it knew them."""

    session: str | None
    index: int | None
    planned: str
    asked: dict[str, Any]
    requested_by: str
    job: str
    outcome: Outcome
    reason: str
    message: str
    started: str | None
    """None when the shutter did not open."""
    ended: str
    exposure_us: NotRequired[int | None]
    gain: NotRequired[float | None]
    iso: NotRequired[int | None]
    f_number: NotRequired[float | None]
    warnings: NotRequired[list[str]]
    temperature_celsius: NotRequired[float | None]
    simulated: NotRequired[bool]
    driver: NotRequired[str]
    library: NotRequired[str]
    firmware: NotRequired[str]
    serial: NotRequired[str]
    clock: NotRequired[str]
    command: NotRequired[str]


# The functional syntax, because `from` is a keyword.
GapBody = TypedDict(
    "GapBody",
    {
        "session": str,
        "from": str,
        "to": str,
        "first_index": int,
        "count": int,
        "reason": str,
        "message": str,
    },
)
"""The captures of a session that an outage prevented."""


class UsedSettings(TypedDict, total=False):
    """What the camera would use for the exposures of a session; empty while it is not open."""

    actual: dict[str, Any]
    warnings: list[str]


class SessionBody(UsedSettings):
    """A change of a session's state, with its counts at that time. `number` counts the changes."""

    session: str
    number: int
    state: str
    reason: str
    message: str
    at: str
    revision: int
    planned: int
    saved: int
    failed: int
    skipped: int


class ClipOutcome(TypedDict):
    """What is known at the end of a clip. `lost_frames` is None when it is unknown."""

    ended: str
    frames: int
    lost_frames: int | None
    interrupted: bool
    reason: str
    message: str


class ClipBody(ClipOutcome):
    kind: str
    """`rolling` or `manual`."""
    started: str
    simulated: bool
    codec: str
    copied: bool
    requested_by: str


# Records


class PartFile(TypedDict):
    kind: str
    bytes: int
    sha256: str
    part: str
    path: str
    width: int | None
    height: int | None


class RecordBase(TypedDict):
    """What the steps of the spool need of a record of any kind."""

    id: str
    camera: str
    slug: str
    root: str
    files: list[PartFile]
    settles: NotRequired[str]
    """The name of a session file that the ingest removes with this record: the last one of a session."""


class CaptureRecord(RecordBase):
    """The outcome of a capture."""

    kind: Literal["capture"]
    body: CaptureBody


class GapRecord(RecordBase):
    kind: Literal["gap"]
    body: GapBody


class SessionRecord(RecordBase):
    kind: Literal["session"]
    body: SessionBody


class ClipRecord(RecordBase):
    kind: Literal["clip"]
    body: ClipBody


Record = CaptureRecord | GapRecord | SessionRecord | ClipRecord


# The state of a session


class Programme(TypedDict):
    """What a session captures. Exactly one of `delay_s` and `cadence_s` is given.

    `delay_s` is the time from the saved capture to the next start; `cadence_s` the time from start to start.
    """

    exposure_us: int
    delay_s: NotRequired[float]
    cadence_s: NotRequired[float]
    f_number: NotRequired[float]
    iso: NotRequired[int]
    gain: NotRequired[float]
    format: NotRequired[str]
    count: NotRequired[int]
    until: NotRequired[str]


class MomentContent(TypedDict):
    wall: float
    boot: str
    boot_s: float


class SessionContent(TypedDict):
    """A file `session-<id>.json`: the fields of `SessionFile`."""

    id: str
    name: str
    camera: str
    slug: str
    root: str
    revision: int
    programme: Programme
    created_by: str
    anchor: MomentContent
    last_end: MomentContent
    state: str
    settled: int
    saved: int
    failed: int
    skipped: int
    exposure_us: int
    reported: int
    reason: str
    message: str
    outbox: list[GapRecord | SessionRecord]
