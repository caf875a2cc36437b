"""The Supervisor's threads at the same time, on real objects, with a thread switch after every few instructions."""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Self, cast

import pytest

from cameras.commands.messages import Command, CommandMessage
from cameras.live.presets import FixedThresholds, LoadShedder
from cameras.spool.storage import MARKER
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild, LiveView
from cameras.supervision.command_router import CommandIntake, CommandSender
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.desired_state_sync import DesiredStateReader
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.supervision.status_publisher import BrokerUsers, LiveViews, send_live_views
from cameras.supervision.supervisor import Host
from captures.models import Capture
from core.broker import broker
from core.events.models import Event
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import Answers, Outcomes
from tests.harness.waiting import eventually

pytestmark = pytest.mark.django_db
NEXT_CENTURY_MS = 4_100_000_000_000


@pytest.fixture
def host(valkey: Any, host: Host) -> Host:
    """With a broker."""
    return host


class Other:
    """Runs `work` on another thread beside the test; its error is raised at the end of the block."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work, self._pool = work, ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        self._done = self._pool.submit(self._work)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._done.result()
        finally:
            sys.setswitchinterval(self._before)
            self._pool.shutdown()

    @property
    def works(self) -> bool:
        return not self._done.done()


def repeated(work: Callable[[], object], times: int) -> Callable[[], object]:
    return lambda: [work() for _ in range(times)]


def capture_command(slot: CameraSlot, capture: str) -> Command:
    return CommandMessage(
        command_id=f"of {capture}", camera=slot.desired.id, slug="sim", order="capture",
        arguments={"id": capture, "asked": {}}, deadline_ms=NEXT_CENTURY_MS,
    )  # fmt: skip


def intake_of(host: Host) -> CommandIntake:
    """As of a Supervisor that runs for an hour: it reads no row for a capture."""
    sender = CommandSender("main", host.data.reader, Outcomes(), Answers())
    return CommandIntake(host.slots, sender, Outcomes(), queue.Queue(), lambda: None)


def test_outcomes_are_decided_while_commands_arrive(archive: Archive, host: Host, slot: CameraSlot) -> None:
    """The database thread reads the outstanding commands while the command queue's thread adds to them."""
    assert slot.child is not None
    os.kill(slot.child.process.pid, signal.SIGSTOP)
    (archive.folder / MARKER).unlink()  # without its root the outcome of the capture is unknown
    overdue = archive.planned()
    Capture.objects.filter(pk=overdue.pk).update(deadline_ms=1)
    commands = [capture_command(slot, str(number)) for number in range(1000)]
    intake = intake_of(host)
    with Other(lambda: [intake.route_command(command, 1) for command in commands]) as command_queue:
        while command_queue.works:
            host.data.outcomes.settle_overdue({slot.desired.id: [slot.desired]})
    overdue.refresh_from_db()
    assert overdue.status == "planned"
    assert len(slot.outstanding) == 1000


def test_viewers_are_read_while_cameras_are_added(archive: Archive, host: Host, slot: CameraSlot) -> None:
    """The status publisher's thread iterates over the cameras while the Supervisor's thread adds to them."""
    new = [dataclasses.replace(slot.desired, id=f"camera-{n}", slug=f"camera-{n}", enabled=False) for n in range(3000)]
    live_views = LiveViews(host.slots, LoadShedder(FixedThresholds(), lambda: 0.0), BrokerUsers())
    with Other(lambda: [host.slots.add(CameraSlot(desired, RestartSchedule())) for desired in new]) as adding:
        while adding.works:
            live_views.update_viewers(broker.connection())
    assert len(host.slots) == 3001


def test_the_states_of_a_camera_are_recorded_in_their_order(host: Host, slot: CameraSlot) -> None:
    """By its process's reader and by the Supervisor's thread: no state is recorded twice in a row, and the last one
    stays last."""
    first = repeated(
        lambda: [host.data.events.record_observed(slot, state, "") for state in ("reconnecting", "ready")], 300
    )
    second = repeated(
        lambda: [host.data.events.record_observed(slot, state, "") for state in ("starting", "ready")], 300
    )
    with Other(first):
        second()
    host.database.sync()
    recorded = [e.data["observed"] for e in Event.objects.filter(kind="camera.state").order_by("at", "id")]
    assert [one for one, next_one in pairwise(recorded) if one == next_one] == []
    assert recorded[-1] == slot.last_observed[0]


def test_a_published_status_is_not_replaced_by_an_older_one(host: Host, slot: CameraSlot) -> None:
    """A reader writes a camera's status before it sends an answer; the status publisher's thread writes all of them."""
    child = slot.child
    assert child is not None
    os.kill(child.process.pid, signal.SIGSTOP)
    name, taken_back = broker.key("status", "sim"), []

    def publish(number: int) -> None:
        child.state = {**child.state, "last_frame": number}
        host.status_publisher.publish_status(slot)
        found = json.loads(str(broker.connection().hget(name, "last_frame")))
        taken_back.extend([number] if found != number else [])

    def publish_all() -> None:
        host.status_publisher.publish_all(broker.connection())

    with Other(repeated(publish_all, 150)) as status_publisher:
        number = 0
        while status_publisher.works:
            publish(number := number + 1)
    assert taken_back == []


class ReadMeanwhile(dict[str, DesiredState]):
    """The cameras of a host without its name; it has the name again while they are iterated."""

    def __init__(self, reader: DesiredStateReader) -> None:
        super().__init__()
        self._reader = reader

    def items(self) -> Any:
        self._reader.read(self._reader.snapshot.read_at)
        return super().items()


def test_a_host_that_has_its_name_again_releases_no_camera(host: Host, slot: CameraSlot) -> None:
    """A reading without the name and a later one with it are not mixed."""
    reader = host.data.reader
    reader.snapshot = dataclasses.replace(reader.snapshot, cameras=ReadMeanwhile(reader), is_complete=False)
    host.supervisor.tick()
    assert slot.desired.elsewhere is False
    assert reader.snapshot.is_complete is True


class EndsMeanwhile:
    """A process that the Supervisor's thread replaces, or removes, while another thread reads it or sends to it."""

    live = LiveView()

    def __init__(self, slot: CameraSlot, successor: CameraChild | None) -> None:
        self._slot, self._successor = slot, successor

    @property
    def ending(self) -> bool:
        self._slot.child = self._successor
        return False

    def send(self, command: object) -> bool:
        self._slot.child = self._successor
        return True

    def send_user_command(self, order: str, command_id: str, arguments: object) -> bool:
        return self.send(arguments)


def test_a_capture_whose_process_ends_while_it_is_sent_has_its_outcome(archive: Archive, host: Host) -> None:
    host.data.lease.hold(0.0)
    capture = archive.planned()
    slot = CameraSlot(archive.desired(), RestartSchedule())
    host.slots.add(slot)
    slot.child = cast(Any, EndsMeanwhile(slot, None))
    intake_of(host).route_command(capture_command(slot, str(capture.pk)), 1)
    host.data.outcomes.settle_lost(slot, slot.outstanding.captures())
    capture.refresh_from_db()
    assert capture.reason == "not_started"
    assert len(slot.outstanding) == 0


def test_live_view_is_sent_again_to_a_process_that_was_started_meanwhile(host: Host, slot: CameraSlot) -> None:
    assert slot.child is not None
    slot.child = cast(Any, EndsMeanwhile(slot, slot.child))
    send_live_views(host.slots, {"sim": ("low",)})
    send_live_views(host.slots, {"sim": ("low",)})
    eventually(lambda: slot.child and slot.child.state.get("fps"))
