"""The narrow ports through which the parts of the Supervisor use one another. A part gets what it needs in its
constructor and never the whole Supervisor; `build_host` wires them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from cameras.commands.messages import Answer
from cameras.status.messages import Status
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.desired_state import DesiredState, HostSnapshot
from core.camera_names import CameraRef
from core.camera_refs import Cameras


class Liveness:
    """Its thread writes it; any thread may read it."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        self._at = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since the last round."""
        return time.monotonic() - self._at


Waker = Callable[[], None]
"""Makes a thread run its loop at once. Any thread may call it."""


class Fence(Protocol):
    """Keeps writes in this host's name out of the database once another machine has acquired the name."""

    def check(self) -> None:
        """Within the transaction that writes. Raises LeaseLost."""


class NoFence:
    """For a database that one machine alone writes: simulations, benchmarks, tests."""

    def check(self) -> None:
        pass


class EventSink(Protocol):
    """Events, alerts and observed states on their way to the database. Any thread may call it; it never waits."""

    def record_event(
        self, kind: str, message: str, severity: str, camera: CameraRef | None, data: dict[str, Any]
    ) -> None: ...

    def raise_alert(self, key: str, message: str, severity: str, camera: Cameras) -> None: ...

    def resolve_alert(self, key: str) -> None: ...

    def resolve_alerts(self, beginning: str) -> None:
        """Resolve all alerts whose key begins like this."""

    def record_observed(self, slot: CameraSlot, observed: str, reason: str) -> None: ...


class AnswerSink(Protocol):
    """Answers to the callers of commands. Any thread may call it."""

    def send_response(self, command_id: str, content: Answer) -> None: ...


class RecordSink(Protocol):
    """Records of the spools on their way to the database. Any thread may call it; it never waits."""

    def ingest_record(self, desired: DesiredState, record: str, command: str) -> None:
        """Ingest a record of the spool, then answer `command`; `command` is empty when no caller waits."""

    def call_after_ingest(self, call: Callable[[], None]) -> None:
        """Make a call that answers about records: after the records before it are ingested, or the database is away."""


class OutcomeSink(Protocol):
    """Outcomes that are decided without a record."""

    def is_settled(self, capture: str) -> bool:
        """Whether this capture has its outcome already. Raises DatabaseError while the database is away."""

    def settle_capture(self, capture: str, reason: str, message: str, command: str, content: Answer) -> None:
        """Store the outcome of a capture that never reached a spool, then answer. Never waits."""


class Snapshots(Protocol):
    """What the database held of this host's cameras when it was read last."""

    @property
    def snapshot(self) -> HostSnapshot: ...


class StatusSource(Protocol):
    """The status of a camera, as any thread sees it now."""

    def build_status(self, slot: CameraSlot) -> Status: ...
