"""What a consumer of frames is, to the camera process that starts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol

from cameras.drivers.base import Exposure, Identity
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.link import Link
from cameras.runtime.spec import Spec
from cameras.runtime.spool import PartFile, Plan, Record, Spool


@dataclass(frozen=True, slots=True)
class Context:
    spec: Spec
    buffer: SharedFrameBuffer
    link: Link


class StillConsumer(Protocol):
    """Turns an exposure into files in the spool. Called on the still thread, in the order of the plans."""

    def file_path(self, capture: str, at: datetime, name: str = "") -> str:
        """The final place of a capture's files, relative to the root, without their endings. With a `name` they are
        called by it and the time alone; should such a file be there already, `write` adds the id."""

    def write_files(self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity) -> list[PartFile]: ...

    def handle_saved(self, record: Record, exposure: Exposure) -> None:
        """The record is safe and has files. Still on the still thread: it must only note it and return."""


class FrameConsumer(Protocol):
    """Takes frames from the buffer on threads of its own."""

    def handle_command(self, message: dict[str, Any]) -> None:
        """An order that is this consumer's: `live`, `record`, `rotate`, `configure` with `recording`."""

    @property
    def wants_frames(self) -> bool: ...

    def stop(self) -> None: ...

    def stats(self) -> dict[str, Any]:
        """Told each second with the camera's state. Must not wait."""


def load_consumer(path: str, context: Context) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)(context)
