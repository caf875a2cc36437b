"""The interfaces of what consumes stills and frames in a camera process, and what consumers know of the camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from cameras.drivers.base import Exposure, Identity
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.link import ReportSink
from cameras.runtime.messages import Command, ConsumerStats, Report
from cameras.runtime.spec import Spec
from cameras.spool.records import CaptureRecord, ClockState, PartFile, Plan
from cameras.spool.spool import Spool
from core.registry import resolve


class DeviceConditions:
    """The camera loop's thread writes it, any thread may read it: the values are replaced as a whole."""

    def __init__(self, kind: str = "") -> None:
        self._kind = kind
        self._identity: dict[str, Any] = {}
        self._settings: dict[str, Any] = {}
        self.stream_fps: float | None = None
        """Frames per second that its stream should have; None while the camera has reported none."""

    def snapshot(self) -> dict[str, Any]:
        """As JSON. Texts are empty, and settings have no entry, while the camera has reported nothing."""
        identity = self._identity
        names = ("vendor", "model", "serial", "firmware", "library")
        return {
            "driver": self._kind,
            **{name: str(identity.get(name) or "") for name in names},
            "settings": self._settings,
        }

    def note(self, report: Report) -> None:
        """Take what a report of the process says of the camera."""
        if report["type"] == "opened":
            self._identity = dict(report["identity"])
        elif report["type"] == "settings":
            self._settings, self.stream_fps = dict(report["actual"]), report["stream_fps"]


class ObservedReports:
    """A `ReportSink` that passes all reports on, and notes what they say of the camera."""

    def __init__(self, sink: ReportSink, conditions: DeviceConditions) -> None:
        self._sink, self._conditions = sink, conditions

    def send(self, message: Report) -> None:
        self._conditions.note(message)
        self._sink.send(message)


@dataclass(frozen=True, slots=True)
class Context:
    spec: Spec
    buffer: SharedFrameBuffer
    link: ReportSink
    conditions: DeviceConditions = field(default_factory=DeviceConditions)


class StillConsumer(Protocol):
    """Writes an exposure as files into the spool. The still thread calls it, in the order of the plans."""

    def file_path(
        self, capture: str, at: datetime, name: str = "", *, index: int | None = None, exposure_us: int | None = None
    ) -> str:
        """The final path of a capture's files, relative to the root, without the ending. With a `name`, the file name
        consists of it and the time; else the template makes it, also from the requested exposure and the number in the
        session. If a file has the name already, `write_files` adds the id."""

    def write_files(
        self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity, clock: ClockState
    ) -> list[PartFile]: ...

    def set_site(self, site: dict[str, Any]) -> None:
        """The camera stands here from now on; as in the spec. The camera loop calls it."""

    def handle_saved(self, record: CaptureRecord, exposure: Exposure) -> None:
        """The record is durable and has files. Called on the still thread, so it must return at once."""


class FrameConsumer(Protocol):
    """Reads frames from the buffer on its own threads."""

    def handle_command(self, command: Command) -> None:
        """A command for consumers: `live`, `record`, `rotate`, or `configure` with `recording` or `site`. Others are
        ignored."""

    keeps_frames: bool
    """Whether it stores them. The camera then streams with its own settings, also while someone watches its session."""

    @property
    def wants_frames(self) -> bool: ...

    def stop(self) -> None: ...

    def stats(self) -> ConsumerStats:
        """Sent each second with the state of the camera. Must not wait."""


def load_consumer(path: str, context: Context) -> Any:
    return resolve(path)(context)
