"""The JSON files of a spool: plans, records of captures, gaps, sessions and clips, and the state of a session.

The camera process and the recoveries write them; the ingest reads them (`captures.ingest`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

# Commands of the command line that read a programme need no exposure control.
if TYPE_CHECKING:
    from cameras.exposure.control import ControlState
    from cameras.exposure.settings import ExposureControl

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


class StillFormats(TypedDict):
    """The files that Skycam makes of a still: keys of `cameras.runtime.file_formats.KEEP_FORMATS`, the primary one
    first, and a key of FITS_COMPRESSIONS."""

    keep: list[str]
    fits_compression: str


class FollowingStart(TypedDict, total=False):
    """When the capture after this one should start: `at` a time, or `after_s` seconds after the end of this one."""

    at: str
    after_s: float


class Plan(_Plan, total=False):
    """A capture that is about to be exposed. `path` is the final path without the ending of the file."""

    file: FileOptions
    formats: StillFormats
    """Missing in the plans of older versions."""
    following: FollowingStart
    """Of a session that knows it only."""
    observation: dict[str, Any]
    """Of a session that chooses its exposures only."""


class ClipOrigin(TypedDict, total=False):
    """What a clip of this version also has. Missing in the plans of older versions."""

    boot: str
    """The boot of the machine, and when the first frame was captured, in seconds of its boot clock."""
    boot_s: float
    experiments: list[str]
    """Ids of the experiments for which it was recorded."""
    conditions: dict[str, Any]
    """The camera when it began: `cameras.runtime.consumers`."""
    stream_fps: float | None
    """The rate that its stream should have had then; None without a set rate."""


class _ClipPlan(TypedDict):
    """The fields that every plan has: see `_Plan`."""

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


class ClipPlan(_ClipPlan, total=False):
    """A clip that is about to be written: the fields that its record has for any outcome. `path` is its final path."""

    origin: ClipOrigin


# Bodies of records

Outcome = Literal["saved", "failed", "skipped"]


class ClockState(TypedDict):
    """The station's clock during a capture or a clip. None where it is unknown."""

    clock: str
    """`synchronised`, `unsynchronised` or `unknown`."""
    clock_offset_s: float | None
    """What the clock was being corrected by, in seconds."""
    clock_error_s: float | None
    """Its estimated error in seconds."""
    clock_jumped_s: float | None
    """By how many seconds it was set: since the last capture, or during the clip. 0 when it was not."""


class CaptureConditions(ClockState):
    """The fields of a capture that do not depend on whether it was saved."""

    driver: str
    library: str
    firmware: str
    serial: str
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


class ReferenceContent(TypedDict):
    """A file that stays with the camera: `cameras.drivers.base.FileReference`."""

    kind: str
    place: str
    bytes: int | None
    sha256: str | None


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
    """When its outcome was known: of a saved capture, when its files were on the disk."""
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
    clock_offset_s: NotRequired[float | None]
    clock_error_s: NotRequired[float | None]
    clock_jumped_s: NotRequired[float | None]
    command: NotRequired[str]
    observation: NotRequired[dict[str, Any]]
    """Of a session that chooses its exposures: `cameras.programmes.kinds.NextExposure.observation`."""
    statistics: NotRequired[dict[str, float]]
    """Brightness of a capture of a session: `cameras.exposure.statistics.as_body`."""
    durable_after_s: NotRequired[float]
    """Of one whose files are written: seconds from the opening of the shutter until they were durable."""
    following: NotRequired[FollowingStart]
    references: NotRequired[list[ReferenceContent]]


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


class SessionDescription(TypedDict):
    """What the row of a session holds besides its state. The first record of a session has it: the row of a session
    that began from an agenda does not exist yet."""

    name: str
    programme: Programme
    created_by: str
    taken_from: NotRequired[str]
    """The user from whom a planned run took the camera over."""


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
    next: NotRequired[str]
    """When the next window of a waiting session begins."""
    description: NotRequired[SessionDescription]


HoleReason = Literal["not_delivered", "still", "lost", "unknown"]
"""The camera sent no frame; it took a still; frames were lost here; or the process that knew it has ended."""


MAX_HOLES = 100


class HoleContent(TypedDict):
    """A time in a clip without a frame that is longer than two intervals, in seconds after the clip's first frame."""

    begin_s: float
    end_s: float
    frames: int
    """How many are missing."""
    reason: HoleReason


class DeliveryContent(TypedDict):
    """Whether the camera delivered the frames of its set rate during a clip."""

    expected_fps: float | None
    """The set rate, on average; None for a camera without one."""
    stills_s: float
    """The time in which the camera took stills instead of frames."""
    hole_count: int
    hole_s: float
    """Sum of all holes."""
    holes: list[HoleContent]
    """The longest ones, at most MAX_HOLES, in their order."""
    after: NotRequired[HoleReason]
    """Why the recording went on without a frame; missing where the next clip follows, or something else ended it."""


class ClipOutcome(TypedDict):
    """What is known at the end of a clip. `lost_frames` is None when it is unknown."""

    ended: str
    frames: int
    lost_frames: int | None
    interrupted: bool
    reason: str
    message: str
    clock: NotRequired[ClockState]
    """Missing when the clip was cut off: its process has ended."""
    delivery: NotRequired[DeliveryContent]
    """Missing in the records of older versions."""


class ClipBody(ClipOutcome):
    kind: str
    """`rolling` or `manual`."""
    started: str
    simulated: bool
    codec: str
    copied: bool
    requested_by: str
    origin: NotRequired[ClipOrigin]


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


class ObservationBody(TypedDict):
    """An observation of a field by a telescope's night."""

    capture: str
    session: str
    field_list: str
    field_key: str
    """`scheduler.telescope.night.field_file.ListedField.id`."""
    number: int
    """1 for the first observation of the field in the night."""
    observed_at: str
    jd: float
    """When the exposure began."""
    lst_h: float
    ha_h: float | None
    """None for a dark or a dome flat, as `airmass`."""
    airmass: float | None
    exposure_s: float
    filename: str
    """The root of the names of its files."""
    selection: int
    """A `scheduler.telescope.driver.field.SelectionCode`."""
    reason: str
    interval_h: float


class ObservationRecord(RecordBase):
    kind: Literal["observation"]
    body: ObservationBody


Record = CaptureRecord | GapRecord | SessionRecord | ClipRecord | ObservationRecord


# The state of a session


class Programme(TypedDict):
    """What a session captures: a cycle of exposures, repeated. Exactly one of `delay_s` and `cadence_s` is given.

    `delay_s` is the time from the last capture of a cycle to the start of the next cycle; `cadence_s` the time from the
    start of a cycle to that of the next. At most one of `until` and `windows` is given.
    """

    kind: NotRequired[str]
    """A key of `cameras.tables.PROGRAMME_KINDS`; `interval` when it is missing."""
    exposure_us: NotRequired[int]
    """Missing only with `exposures_us`."""
    exposures_us: NotRequired[list[int]]
    """Of a bracket: the exposure times of a cycle."""
    ev_steps: NotRequired[list[float]]
    """Of a bracket: the exposures of a cycle as powers of two of `exposure_us`."""
    burst: NotRequired[int]
    """Of a burst: the number of exposures in a cycle."""
    delay_s: NotRequired[float]
    cadence_s: NotRequired[float]
    f_number: NotRequired[float]
    iso: NotRequired[int]
    gain: NotRequired[float]
    format: NotRequired[str]
    options: NotRequired[dict[str, Any]]
    """Of each exposure: `cameras.drivers.options`."""
    count: NotRequired[int]
    """The session ends after this number of captures."""
    control: NotRequired[ExposureControl]
    """Automatic exposure. Without it the settings are fixed."""
    until: NotRequired[str]
    windows: NotRequired[list[tuple[str, str]]]
    """The session captures only inside of these times (begin, end), in their order, and ends with the last."""


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
    taken_from: str
    outage: tuple[str, str] | None
    anchor: MomentContent
    last_end: MomentContent
    anchor_index: int
    closed_windows: int
    window_end: MomentContent | None
    control: ControlState | None
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
