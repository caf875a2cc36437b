"""Every message on the link between the Supervisor and a camera process, in both directions, as JSON objects.

Down: first the spec (`cameras.runtime.spec.Spec`, without a `type`), then a `Command` on each line. Up: `Report`s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, TypedDict

from cameras.gates.gate import GateStatus
from cameras.runtime.settings_drift import Difference
from cameras.runtime.spec import HeldLease, Recorder, Recording
from cameras.spool.agenda import Agenda
from cameras.spool.records import FileOptions, StillFormats
from cameras.spool.session_files import DesiredSession
from core.text.sentences import Mentions

# Down: commands of the Supervisor


class _Command(TypedDict):
    command_id: NotRequired[str]
    """With an id the Supervisor waits for an `answer` or a `spooled` with the same id."""
    remaining_ms: NotRequired[int]
    """Milliseconds, from the arrival of the command, in which it may be started. Sent with the commands of users."""


class StillRequest(TypedDict):
    """The still that a command asks for, on the host's list and on the link."""

    id: str
    """The capture's id. It is exposed once, however often the command arrives."""
    planned: str
    """When it was planned, ISO 8601."""
    asked: dict[str, Any]
    """The requested exposure: any of `exposure_us`, `gain`, `iso`, `f_number`, `format`, `options`."""
    requested_by: str
    job: str
    file: NotRequired[FileOptions]


class CaptureCommand(_Command, StillRequest):
    """Take one still."""

    type: Literal["capture"]


class ConfigureCommand(_Command):
    """New settings, the desired state of the session, the agenda, the lease, the desired recording, the files to make
    of stills, or the site; only what is given changes."""

    type: Literal["configure"]
    settings: NotRequired[dict[str, Any]]
    whole: NotRequired[bool]
    """Whether `settings` replace all others, and are not added to them."""
    session: NotRequired[DesiredSession | None]
    agenda: NotRequired[Agenda]
    lease: NotRequired[HeldLease | None]
    recording: NotRequired[Recording | None]
    formats: NotRequired[StillFormats]
    site: NotRequired[dict[str, Any]]
    """As in the spec."""


class ReadCommand(_Command):
    """Read the camera's settings without changing them."""

    type: Literal["read"]


class StartCommand(_Command):
    """Start, pause or resume a session, whichever its desired state is."""

    type: Literal["start"]
    session: DesiredSession


class StopCommand(_Command):
    """Stop a session. Its running exposure is aborted."""

    type: Literal["stop"]
    session: DesiredSession


class RecordCommand(_Command):
    """The desired recording; None to stop."""

    type: Literal["record"]
    recording: Recording | None


class RotateCommand(_Command):
    """End the current clip; the next frame begins another."""

    type: Literal["rotate"]


class LiveCommand(_Command):
    """The qualities of live view that are watched, and where their pictures are published."""

    type: Literal["live"]
    qualities: Sequence[str]
    lowered: int
    presets: dict[str, Any]
    redis_url: str


class AbortCommand(_Command):
    """End the running exposure. `reason` becomes the reason of its capture."""

    type: Literal["abort"]
    reason: str


class ReopenCommand(_Command):
    """Close the camera and open it again."""

    type: Literal["reopen"]


class WithdrawCommand(_Command):
    """Drop the capture `id` if it has not begun, and never begin it."""

    type: Literal["withdraw"]
    id: str


class RetryCommand(_Command):
    """End the pause before the next try to open the camera."""

    type: Literal["retry"]


class FaultsCommand(_Command):
    """Set exactly these faults of a simulated camera."""

    type: Literal["faults"]
    faults: dict[str, Any]


class GatesCommand(_Command):
    """The gates of the camera: while one is closed, sessions take no captures. Sent each ten seconds and on each
    change."""

    type: Literal["gates"]
    gates: Sequence[GateStatus]
    life_s: float
    """Seconds after which their values are unknown, unless the command is sent again."""


Command = (
    CaptureCommand
    | ConfigureCommand
    | ReadCommand
    | StartCommand
    | StopCommand
    | RecordCommand
    | RotateCommand
    | LiveCommand
    | AbortCommand
    | ReopenCommand
    | WithdrawCommand
    | RetryCommand
    | FaultsCommand
    | GatesCommand
)
# A Literal cannot be derived from the union. A test compares the two, and those of the reports.
CommandType = Literal[
    "capture", "configure", "read", "start", "stop", "record", "rotate", "live", "abort", "reopen", "withdraw",
    "retry", "faults", "gates",
]  # fmt: skip

# Up: reports of the camera process


class SessionStatus(TypedDict):
    """The active session of a camera. Also the body of the answers to `start` and `stop`."""

    id: str
    name: str
    state: str
    revision: int
    planned: int
    saved: int
    failed: int
    skipped: int
    count: int | None
    until: str | None
    next_in_s: float | None
    """Seconds until the next start; None unless the session is running or waits for a window."""
    interval_s: float | None
    """The longest planned time from one picture to the next, in seconds; None while none is expected: the session is
    not running, or its rules let it wait."""
    exposure: str | None
    """Of automatic exposure: the last step as a sentence."""
    waits: str
    """Why a running session that chooses its exposures exposes nothing now. Empty for every other one."""


class AgendaStatus(TypedDict):
    """The agenda that is stored in the spool."""

    runs: int
    next_run: str | None
    """The session of the next run that has not begun."""
    next_at: str | None


class LastCapture(TypedDict):
    """How the newest capture ended, and when."""

    id: str
    status: str
    reason: str
    at: str


class Trouble(TypedDict):
    """Why the camera is not open."""

    reason: str
    permanent: bool
    """Whether trying again cannot help."""


class LiveStats(TypedDict):
    """Counts since the start of the process."""

    frames: int
    yielded: int
    """Frames skipped in favour of recording."""
    encoded: dict[str, int]
    """Pictures by quality."""
    lowered: int


class ConsumerStats(TypedDict, total=False):
    """What the consumers of frames add to the state."""

    recorder: Recorder | None
    live: LiveStats


class StateReport(ConsumerStats):
    """The state of the process, each second."""

    type: Literal["state"]
    observed: str
    reason: str
    session: SessionStatus | None
    held: str
    """The reason code for which the running session takes no captures now, such as `unsafe`; empty without one."""
    agenda: AgendaStatus | None
    """None while the storage root was not open yet."""
    temperature_celsius: float | None
    battery_percent: float | None
    card_free_bytes: int | None
    differs: list[Difference]
    last_capture: LastCapture | None
    last_frame: str | None
    frames: int
    fps: float
    doing: str
    """The call of the camera loop that is in progress."""
    overdue_s: float
    failures: int
    """Failures of the camera in a row."""
    unopened: int
    """Failed tries to open the camera since it was last open."""
    trouble: Trouble | None


class ObservedReport(TypedDict):
    """The observed state of the camera has changed."""

    type: Literal["observed"]
    observed: str
    reason: str
    """As a sentence."""
    code: str
    """A reason code; empty without one."""


class OpenedReport(TypedDict):
    """The camera was opened."""

    type: Literal["opened"]
    identity: dict[str, Any]
    capabilities: dict[str, Any]
    place: str
    """Where it is attached, as its driver names it."""


class FaultsReport(TypedDict):
    """The active faults of a simulated camera have changed."""

    type: Literal["faults"]
    faults: dict[str, Any]
    struck: str
    """The fault that was triggered; empty when they were set."""


class Reading(TypedDict):
    """The settings as the camera reports them. Also the body of the answers to `configure` and `read`."""

    actual: dict[str, Any]
    warnings: list[str]
    read_at: str
    differs: list[Difference]


class SettingsReport(Reading):
    """The settings were applied, or were changed on the camera's body."""

    type: Literal["settings"]
    stream_fps: float | None
    """Frames per second that its stream should have with them; None if it has no set rate."""


class LadderReport(TypedDict):
    """A step of the recovery ladder that the process takes itself."""

    type: Literal["ladder"]
    step: Literal["reconnect"]
    message: str
    reason: str


class RecoveredReport(TypedDict):
    """The result of the recovery of the spool: ids, and descriptions of what was rejected."""

    type: Literal["recovered"]
    finished: list[str]
    interrupted: list[str]
    removed: list[str]
    rejected: list[str]


class SpooledReport(TypedDict):
    """The ingest can read this record now."""

    type: Literal["spooled"]
    id: str
    command_id: str
    """The command that this record answers; empty without one."""
    part: NotRequired[Literal["clips"]]
    """The part of the camera's spool that holds the record; without it, the spool of its captures."""


class AnswerReport(TypedDict):
    """The answer to a command. A command that failed has `problem` (a problem type) and `detail`."""

    type: Literal["answer"]
    command_id: str
    ok: bool
    id: NotRequired[str]
    """The capture of the command."""
    body: NotRequired[dict[str, Any]]
    problem: NotRequired[str]
    reason: NotRequired[str]
    detail: NotRequired[str]
    mentions: NotRequired[Mentions]
    """Where the detail mentions cameras, on the link alone: `core.text.sentences.with_mentions`."""
    unstarted: NotRequired[bool]
    """The command was not run and left nothing behind. For a capture the Supervisor decides the outcome."""


class LogReport(TypedDict):
    """An entry for the event log."""

    type: Literal["log"]
    level: str
    kind: str
    message: str
    mentions: NotRequired[Mentions]
    """As of an AnswerReport."""


class AlertReport(TypedDict):
    """Raise the alert `key`, or resolve it if `message` is empty."""

    type: Literal["alert"]
    key: str
    message: str
    mentions: NotRequired[Mentions]
    """As of an AnswerReport."""


Report = (
    StateReport
    | ObservedReport
    | OpenedReport
    | FaultsReport
    | SettingsReport
    | LadderReport
    | RecoveredReport
    | SpooledReport
    | AnswerReport
    | LogReport
    | AlertReport
)
ReportType = Literal[
    "state", "observed", "opened", "faults", "settings", "ladder", "recovered", "spooled", "answer", "log", "alert",
]  # fmt: skip
