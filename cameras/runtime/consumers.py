"""The interfaces of what consumes stills and frames in a camera process."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from cameras.drivers.base import Exposure, Identity
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.device_conditions import DeviceConditions
from cameras.runtime.link import ReportSink
from cameras.runtime.messages import Command, ConsumerStats
from cameras.runtime.spec import Spec
from cameras.spool.records import CaptureRecord, ClockState, PartFile, Plan
from cameras.spool.spool import Spool
from core.registry import resolve


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
