"""The commands to a camera host, and their answers, as JSON. Django-free.

A command is an entry of the host's list `camera.<host>`; its answer goes to the list `reply:<command id>`. The kinds
below are for the sender: each ties a command's arguments to the body of its answer. `Command` is for the host: the
`order` says which arguments it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from cameras.runtime.messages import Reading, SessionStatus, StillRequest
from cameras.runtime.spec import Recorder, Recording
from cameras.spool.records import CaptureRecord
from cameras.spool.session_files import DesiredSession
from cameras.status.messages import Status
from core.text.sentences import Mentions

# Arguments


class Arguments(TypedDict):
    # A duration, because camera processes know neither Redis TIME nor the clock of another machine.
    remaining_ms: NotRequired[int]
    """The host adds it: milliseconds from the arrival of the command in which it may be started."""


class CaptureArguments(Arguments, StillRequest):
    pass


class SessionArguments(Arguments):
    session: DesiredSession


class RecordArguments(Arguments):
    recording: Recording | None
    """None to stop. The host replaces the settings of the recording with its own."""


class ConfigureArguments(Arguments):
    settings: dict[str, Any]
    whole: NotRequired[bool]
    """Whether `settings` replace all others, and are not added to them."""


class FaultsArguments(Arguments):
    faults: NotRequired[dict[str, Any]]
    """Exactly these faults; missing to read the present ones."""


# Bodies of answers


class CaptureAnswer(TypedDict):
    record: CaptureRecord | None
    """None when the row has the outcome already."""


class RecordAnswer(TypedDict):
    recorder: Recorder | None
    clip: str | None
    """The open clip; after a stop the last one."""


class RotateAnswer(TypedDict):
    clip: str
    """The clip that was finalized."""


class FaultsAnswer(TypedDict):
    faults: dict[str, Any]


class DiscoveredDevice(TypedDict):
    """A device attached to a host. `held_by` names another program that has it open, where known."""

    kind: str
    label: str
    address: str
    model: str
    serial: str
    held_by: str
    camera: NotRequired[str | None]
    """The slug of the camera whose process has it open, where the host knows it."""


class DiscoveryAnswer(TypedDict):
    host: str
    results: list[DiscoveredDevice]
    problems: dict[str, str]
    """Kind -> why its discovery failed."""


AnswerBody = (
    CaptureAnswer | SessionStatus | RecordAnswer | RotateAnswer | Reading | FaultsAnswer | Status | DiscoveryAnswer
)


class Answer(TypedDict):
    """If not ok, it has `problem` (a problem type) and `detail`, and if that mentions cameras, where."""

    ok: bool
    body: NotRequired[AnswerBody]
    problem: NotRequired[str]
    reason: NotRequired[str]
    detail: NotRequired[str]
    mentions: NotRequired[Mentions]
    """In the list alone: `core.text.sentences.with_mentions`."""


# Commands

Order = TypeVar("Order")
ArgumentsT = TypeVar("ArgumentsT")
BodyT = TypeVar("BodyT")


class CommandMessage(TypedDict, Generic[Order, ArgumentsT]):
    """`camera` is the camera's UUID; it and `slug` are empty for a command to the host itself. `deadline_ms` is in
    Redis TIME; the command is not started after it."""

    command_id: str
    camera: str
    slug: str
    order: Order
    arguments: ArgumentsT
    deadline_ms: int


CaptureCommand = CommandMessage[Literal["capture"], CaptureArguments]
StartCommand = CommandMessage[Literal["start"], SessionArguments]
StopCommand = CommandMessage[Literal["stop"], SessionArguments]
RecordCommand = CommandMessage[Literal["record"], RecordArguments]
RotateCommand = CommandMessage[Literal["rotate"], Arguments]
ConfigureCommand = CommandMessage[Literal["configure"], ConfigureArguments]
ReadCommand = CommandMessage[Literal["read"], Arguments]
FaultsCommand = CommandMessage[Literal["faults"], FaultsArguments]
ReconcileCommand = CommandMessage[Literal["reconcile"], Arguments]
DetectCommand = CommandMessage[Literal["detect"], Arguments]

Command = (
    CaptureCommand
    | StartCommand
    | StopCommand
    | RecordCommand
    | RotateCommand
    | ConfigureCommand
    | ReadCommand
    | FaultsCommand
    | ReconcileCommand
    | DetectCommand
)


@dataclass(frozen=True, slots=True)
class CommandKind(Generic[ArgumentsT, BodyT]):
    """A command's `order`, with the types of its arguments and of its answer's body."""

    order: str


CAPTURE: CommandKind[CaptureArguments, CaptureAnswer] = CommandKind("capture")
START: CommandKind[SessionArguments, SessionStatus] = CommandKind("start")
STOP: CommandKind[SessionArguments, SessionStatus] = CommandKind("stop")
RECORD: CommandKind[RecordArguments, RecordAnswer] = CommandKind("record")
ROTATE: CommandKind[Arguments, RotateAnswer] = CommandKind("rotate")
CONFIGURE: CommandKind[ConfigureArguments, Reading] = CommandKind("configure")
READ: CommandKind[Arguments, Reading] = CommandKind("read")
FAULTS: CommandKind[FaultsArguments, FaultsAnswer] = CommandKind("faults")
RECONCILE: CommandKind[Arguments, Status] = CommandKind("reconcile")
DETECT: CommandKind[Arguments, DiscoveryAnswer] = CommandKind("detect")
