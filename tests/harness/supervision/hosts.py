"""A camera host whose threads the test runs, and the far ends of its ports."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cameras.commands.messages import Answer
from cameras.supervision.camera_slot import CameraSlot, CameraSlots
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.supervision.supervisor import Host, RecoveryOptions, build_host
from cameras.supervision.usb import UsbBus
from core.camera_names import CameraRef
from core.camera_refs import Cameras
from tests.harness.waiting import PATIENCE_S


@contextmanager
def assembled(run_folder: Path, bus: UsbBus | None = None, **options: Any) -> Iterator[Host]:
    """Nothing is started; the processes that the test starts are killed at the end. The machine has an idle core,
    however busy the one of the tests is."""
    host = build_host(run_folder, bus, RecoveryOptions(**{"idle_core_s": time.monotonic, **options}))
    yield host
    for slot in host.slots.values():
        if slot.child:
            slot.child.kill()
            slot.child.wait(PATIENCE_S)
            slot.child.finish()


def slots_of(*cameras: DesiredState) -> CameraSlots:
    slots = CameraSlots()
    for desired in cameras:
        slots.add(CameraSlot(desired, RestartSchedule()))
    return slots


class Answers:
    """Keeps the answers that callers would get."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Answer]] = []

    def send_response(self, command_id: str, content: Answer) -> None:
        self.sent.append((command_id, content))

    @property
    def answered(self) -> list[str]:
        return [command for command, _ in self.sent]


class Events:
    """Keeps what would be written to the database: kinds of events, keys of alerts, observed states,
    identities."""

    def __init__(self) -> None:
        self.recorded: list[str] = []
        self.open_alerts: list[str] = []
        self.observed: list[tuple[str, str]] = []
        self.opened: list[dict[str, Any]] = []

    def record_event(
        self, kind: str, message: str, severity: str, camera: CameraRef | None, data: dict[str, Any]
    ) -> None:
        self.recorded.append(data.get("step", kind))

    def raise_alert(self, key: str, message: str, severity: str, camera: Cameras) -> None:
        self.open_alerts.append(key)

    def resolve_alert(self, key: str) -> None:
        self.open_alerts = [one for one in self.open_alerts if one != key]

    def resolve_alerts(self, beginning: str) -> None:
        self.open_alerts = [one for one in self.open_alerts if not one.startswith(beginning)]

    def record_observed(self, slot: CameraSlot, observed: str, reason: str) -> None:
        self.observed.append((observed, reason))

    def record_opened(self, camera: str, identity: dict[str, Any], capabilities: dict[str, Any]) -> None:
        self.opened.append(identity)


class Records:
    """Keeps the records that would be ingested; calls that wait for them are made at once."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str]] = []

    def ingest_record(self, desired: DesiredState, record: str, command: str) -> None:
        self.records.append((record, command))

    def call_after_ingest(self, call: Any) -> None:
        call()


class Outcomes:
    """Keeps the outcomes that would be stored; `settled` are the captures that have one."""

    def __init__(self, *settled: str) -> None:
        self.settled, self.decided = settled, list[tuple[str, str]]()

    def is_settled(self, capture: str) -> bool:
        return capture in self.settled

    def settle_capture(self, capture: str, reason: str, message: str, command: str, content: Answer) -> None:
        self.decided.append((capture, reason))

    def refuse_session(self, session: str, reason: str, message: str) -> None:
        self.decided.append((session, reason))


DESIRED = DesiredState(
    id="1", slug="sim", kind="simulated", address="", settings={}, enabled=True, connected=True, removed=False,
    session=None, recording=None, root="", root_path="", video_root="", video_root_path="",
)  # fmt: skip


def read_again(host: Host) -> None:
    host.data.reader.read_soon()
    host.database.sync()
    host.supervisor.tick()
