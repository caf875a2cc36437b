"""Each recovery step with a real camera process, made to fail by its own faults; the test runs the Supervisor's
threads."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import uuid6

from cameras.commands.messages import CommandMessage
from cameras.spool.moments import iso
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.recovery_policy import PictureWatch, RestartSchedule
from cameras.supervision.supervisor import Host
from captures.models import Session
from core.events.models import Alert, Event
from tests.harness.far_ends.usbdevfs.usb_bus import FakeBus
from tests.harness.kills.faults import without_files
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import assembled
from tests.harness.supervision.processes import Process
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EXITS = 3
MARGIN_S = 0.5
STEP_S = 0.5
NIKON = {"vendor": "04b0", "product": "0439", "serial": "3004"}
STALLED_S = 0.4
Settings = Any


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    (tmp_path / "root").mkdir()
    return Archive(tmp_path / "root")


@pytest.fixture
def fake_bus(tmp_path: Path) -> FakeBus:
    return FakeBus(tmp_path / "usb")


@pytest.fixture
def host(
    tmp_path: Path,
    fake_bus: FakeBus,
    archive: Archive,
    settings: Settings,
    request: pytest.FixtureRequest,
    quick_processes: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Host]:
    """A short margin, a reset of USB ports, and quarantine after EXITS failures. One camera, whose process starts with
    the first tick. The steps of the ladder follow soon, and not because a busy machine keeps a process silent."""
    monkeypatch.setattr("cameras.supervision.recovery_policy.STEP_S", STEP_S)
    monkeypatch.setattr("cameras.supervision.recovery_policy.SILENCE_S", PATIENCE_S)
    patience = {"margin_s": MARGIN_S, "crash_loop_exits": EXITS, "crash_loop_s": 120.0, "usb_reset": True}
    supervision = settings.STATION.supervision.model_copy(update=patience)
    settings.STATION = settings.STATION.model_copy(update={"supervision": supervision})
    with assembled(tmp_path, bus=fake_bus.bus, **getattr(request, "param", {})) as host:
        host.database.sync()
        yield host


def new_slot(host: Host, **faults: Any) -> CameraSlot:
    """The camera's slot; its first process starts with these faults."""
    host.applier.apply_snapshot(host.data.reader.snapshot)
    [slot] = host.slots.values()
    slot.faults = faults
    return slot


def hangs_on_usb(host: Host, archive: Archive) -> None:
    """Store the camera's USB identity, as its row has it from when it was last open."""
    archive.camera.identity = {"usb": NIKON}
    archive.camera.save()
    host.data.reader.read_soon()
    host.database.sync()


def tick_until(host: Host, condition: Any) -> None:
    """Tick until the condition holds."""

    def tick() -> Any:
        host.supervisor.tick()
        return condition()

    eventually(tick)


def set_faults(host: Host, slot: CameraSlot, **faults: Any) -> None:
    """As the command of a manager does, and for a process that the ladder starts meanwhile, too."""
    slot.faults = faults
    arguments = {"faults": faults, "remaining_ms": 600_000}
    command = CommandMessage(
        command_id="c", camera=slot.desired.id, slug="sim", order="faults", arguments=arguments, deadline_ms=0
    )
    host.router.route(command, time.monotonic())


def expose(slot: CameraSlot) -> None:
    assert slot.child is not None
    slot.child.send({
        "type": "capture", "command_id": "c", "id": str(uuid6.uuid7()), "asked": {"exposure_us": 1000},
        "planned": iso(0), "requested_by": "tester", "job": "", "remaining_ms": 60_000,
    })  # fmt: skip


def is_ready(slot: CameraSlot) -> bool:
    return slot.observed[0] == "ready"


def steps(host: Host) -> list[str]:
    host.database.sync()
    return [event.data["step"] for event in Event.objects.filter(kind="camera.ladder").order_by("at", "id")]


def reason_of(step: str) -> str:
    return str(Event.objects.filter(kind="camera.ladder", data__step=step).latest("at").data["reason"])


def test_a_camera_that_is_slow_is_aborted_and_reopened_by_the_same_process(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cameras.supervision.recovery_policy.STEP_S", PATIENCE_S)  # the first step is enough
    slot = new_slot(host, slow=600)
    tick_until(host, lambda: is_ready(slot))
    pid = slot.child and slot.child.process.pid
    expose(slot)
    tick_until(host, lambda: "reconnect" in steps(host))
    tick_until(host, lambda: is_ready(slot))
    assert set(steps(host)) == {"abort", "reconnect"}
    assert (slot.child and slot.child.process.pid) == pid


def test_a_camera_that_hangs_is_killed_and_its_next_process_works(host: Host) -> None:
    slot = new_slot(host)
    tick_until(host, lambda: is_ready(slot))
    set_faults(host, slot, hang=1)
    expose(slot)
    tick_until(host, lambda: "kill" in steps(host))
    tick_until(host, lambda: is_ready(slot))
    assert list(dict.fromkeys(steps(host))) == ["abort", "reconnect", "kill"]
    assert reason_of("kill") == "camera_hung"
    assert slot.faults == {}


def test_a_camera_that_crashes_repeatedly_waits_is_reset_and_goes_into_quarantine(
    host: Host, archive: Archive, fake_bus: FakeBus
) -> None:
    hangs_on_usb(host, archive)
    fake_bus.plug("1-2", 7, serial="3004")
    slot = new_slot(host, crash=EXITS)
    tick_until(host, lambda: slot.quarantined)
    assert steps(host) == ["back_off", "usb_reset", "quarantine"]
    assert "Inappropriate ioctl" in reason_of("usb_reset")
    assert Alert.objects.get().key == "camera.quarantined:sim"
    assert "It failed 3 times in a row, the last time because: The camera's process crashed" in slot.quarantined
    fake_bus.unplug("1-2")
    tick_until(host, lambda: slot.last_seen == "")
    fake_bus.plug("1-3", 8, serial="3004")
    tick_until(host, lambda: is_ready(slot))
    assert steps(host)[-1] == "release"
    assert reason_of("release") == "its return"
    assert Alert.objects.get().state == "resolved"


@pytest.mark.parametrize("host", [{"reset_s": 1.0}], indirect=True)
def test_a_reset_that_never_ends_does_not_prevent_the_last_try(host: Host, archive: Archive, fake_bus: FakeBus) -> None:
    hangs_on_usb(host, archive)
    node = fake_bus.plug("1-2", 7, serial="3004")
    node.unlink()
    os.mkfifo(node)  # opening it for writing waits for a reader
    slot = new_slot(host, crash=EXITS - 1)
    tick_until(host, lambda: slot.port_reset)
    tick_until(host, lambda: is_ready(slot))
    assert "usb_reset" not in steps(host)
    os.close(os.open(node, os.O_RDONLY | os.O_NONBLOCK))
    tick_until(host, lambda: "usb_reset" in steps(host))


@pytest.mark.parametrize("host", [{"reopened": 2}], indirect=True)
def test_a_present_camera_that_never_opens_gets_a_new_process(host: Host, archive: Archive, fake_bus: FakeBus) -> None:
    hangs_on_usb(host, archive)
    fake_bus.plug("1-2", 7, serial="3004")
    new_slot(host, disconnect=True)
    tick_until(host, lambda: "kill" in steps(host))
    assert reason_of("kill") == "camera_error"


@pytest.mark.parametrize("host", [{"reopened": 2}], indirect=True)
def test_an_absent_camera_is_retried_as_soon_as_it_is_back(host: Host, archive: Archive, fake_bus: FakeBus) -> None:
    hangs_on_usb(host, archive)
    slot = new_slot(host, disconnect=True)
    tick_until(host, lambda: slot.last_seen == "" and slot.unreachable_alerted)
    host.database.sync()
    assert Alert.objects.get().key == "camera.unreachable:sim"
    fake_bus.plug("1-4", 9, serial="3004")
    tick_until(host, lambda: "its return" in reasons(host))
    found = reasons(host)
    assert "camera_error" not in found[: found.index("its return")]
    set_faults(host, slot)
    tick_until(host, lambda: is_ready(slot) and not slot.unreachable_alerted)
    host.database.sync()
    assert Alert.objects.get().state == "resolved"


def alert_after(host: Host, slot: CameraSlot, observed: str, **state: int) -> tuple[str, str]:
    """State and message of the camera's alert after its process has reported this state."""
    slot.child = cast(Any, Process(state=state, observed=(observed, "It is gone.")))
    host.recovery.ladder.check_process(slot)
    host.database.sync()
    alert = Alert.objects.get()
    return alert.state, alert.message


@pytest.mark.parametrize(
    ("unopened", "message", "while_open"),
    [
        (9, "sim cannot be opened and is retried. It is gone.", "resolved"),
        (0, "sim fails repeatedly. It is gone.", "open"),
    ],
)
def test_a_camera_that_opens_and_fails_is_not_reported_as_closed(
    host: Host, archive: Archive, unopened: int, message: str, while_open: str
) -> None:
    slot = CameraSlot(archive.desired(), RestartSchedule())
    assert alert_after(host, slot, "reconnecting", failures=9, unopened=unopened) == ("open", message)
    assert alert_after(host, slot, "ready", failures=9, unopened=unopened) == (while_open, message)
    assert alert_after(host, slot, "ready", failures=0, unopened=unopened) == ("resolved", message)


def test_a_device_that_hangs_does_not_delay_the_supervisor(host: Host, archive: Archive, fake_bus: FakeBus) -> None:
    hangs_on_usb(host, archive)
    fake_bus.plug("1-2", 7, serial="3004")
    serial = fake_bus.hang("1-2")
    slot = new_slot(host, disconnect=True)
    tick_until(host, lambda: host.recovery.watcher.searches)
    host.supervisor.tick()
    serial.write_text("3004\n")
    tick_until(host, lambda: slot.last_seen is not None)


def reasons(host: Host) -> list[str]:
    host.database.sync()
    found = Event.objects.filter(kind="camera.ladder").order_by("at", "id")
    return [event.data.get("reason", "") for event in found]


def test_the_end_of_its_faults_ends_the_quarantine_of_a_simulated_camera(host: Host) -> None:
    slot = new_slot(host, crash=EXITS)
    tick_until(host, lambda: slot.quarantined)
    set_faults(host, slot)
    tick_until(host, lambda: is_ready(slot))
    assert steps(host)[-1] == "release"
    assert reason_of("release") == "the end of its faults"


def test_a_process_that_cannot_be_started_is_recorded_and_retried(host: Host) -> None:
    slot = new_slot(host)
    with without_files():
        host.supervisor.tick()
    assert "Its process cannot be started ([Errno 24] Too many open files)." in slot.last_observed[1]
    tick_until(host, lambda: is_ready(slot))


def test_an_error_with_one_camera_raises_an_alert_and_the_loop_goes_on(host: Host) -> None:
    slot = new_slot(host)
    tick_until(host, lambda: is_ready(slot))
    recovery_policy = slot.recovery_policy
    del slot.recovery_policy
    host.supervisor.tick()
    host.supervisor.tick()
    host.database.sync()
    [alert] = Alert.objects.filter(key="supervisor.stumbled:sim")
    assert alert.message.startswith("sim is not supervised (AttributeError: ")
    slot.recovery_policy = recovery_policy
    host.supervisor.tick()
    host.database.sync()
    assert Alert.objects.get(pk=alert.pk).resolved_at is not None


def start_session(host: Host, archive: Archive, slot: CameraSlot) -> None:
    """A picture every 0.1 s; the session is stalled after STALLED_S."""
    Session.objects.create(camera=archive.camera, name="M 31", programme={"exposure_us": 2000, "delay_s": 0.1})
    slot.picture_watch = PictureWatch(least_s=STALLED_S)
    host.data.reader.read_soon()
    host.database.sync()


def stalled_alert(host: Host) -> str:
    """Key, state and message."""
    host.database.sync()
    found = Alert.objects.filter(key="session.stalled:sim").first()
    return f"{found.state}: {found.message}" if found else ""


def test_a_camera_that_answers_and_fails_each_time_is_reopened_and_its_process_replaced(
    host: Host, archive: Archive
) -> None:
    slot = new_slot(host, rejected_setting=True)
    tick_until(host, lambda: is_ready(slot))
    start_session(host, archive, slot)
    tick_until(host, lambda: "kill" in steps(host))
    found = steps(host)
    assert found.index("reconnect") < found.index("kill")
    alert = stalled_alert(host)
    assert "sim has saved no picture of the session M 31 for" in alert
    assert "The last capture failed: rejected_setting." in alert
    assert "UTC the camera was closed and opened again; " in alert


def test_the_alert_of_a_session_ends_with_its_next_picture(host: Host, archive: Archive) -> None:
    slot = new_slot(host, rejected_setting=True)
    tick_until(host, lambda: is_ready(slot))
    start_session(host, archive, slot)
    tick_until(host, lambda: stalled_alert(host).startswith("open"))
    set_faults(host, slot)
    tick_until(host, lambda: stalled_alert(host).startswith("resolved"))
