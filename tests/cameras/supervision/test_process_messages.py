"""What the reports of a camera process become."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from cameras.runtime.messages import ReportType
from cameras.supervision.camera_slot import CameraSlots, Hardware
from cameras.supervision.command_results import CommandResults
from cameras.supervision.process_counters import ProcessCounters
from cameras.supervision.process_messages import ProcessMessages
from cameras.supervision.usb import UsbIdentity
from tests.harness.far_ends.usbdevfs.usb_bus import FakeBus
from tests.harness.supervision.hosts import DESIRED, Answers, Events, Outcomes, Records, slots_of
from tests.harness.supervision.processes import Process

PIXELINK = UsbIdentity("1480", "0001", "3004")
OPENED: Any = {"type": "opened", "identity": {"model": "PL-D"}, "capabilities": {}, "place": PIXELINK.serial}


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def slots() -> CameraSlots:
    return slots_of(DESIRED)


@pytest.fixture
def fake_bus(tmp_path: Path) -> FakeBus:
    return FakeBus(tmp_path)


@pytest.fixture
def messages(slots: CameraSlots, events: Events, fake_bus: FakeBus) -> ProcessMessages:
    results = CommandResults(Records(), Outcomes(), Answers(), lambda slot, report: None, lambda slot: None)
    return ProcessMessages(slots, cast(Any, events), fake_bus.bus, results, ProcessCounters())


@pytest.fixture
def process() -> Any:
    process: Any = Process()
    process.spec = {"camera": "1"}
    return process


def test_each_type_of_report_has_a_handler(messages: ProcessMessages) -> None:
    assert set(messages.handlers) == set(get_args(ReportType))


def test_a_report_of_an_unknown_type_is_ignored(messages: ProcessMessages, process: Any, events: Events) -> None:
    messages.handle_message(process, cast(Any, {"type": "of a later version"}))
    assert events.recorded == []
    assert events.observed == []


def test_an_observed_state_is_kept_and_recorded(messages: ProcessMessages, process: Any, events: Events) -> None:
    messages.handle_message(process, {"type": "observed", "observed": "busy", "reason": "It exposes.", "code": ""})
    assert process.observed == ("busy", "It exposes.")
    assert events.observed == [("busy", "It exposes.")]


def test_a_fault_that_is_used_up_is_an_event_and_leaves_the_rest(
    messages: ProcessMessages, process: Any, slots: CameraSlots, events: Events
) -> None:
    messages.handle_message(process, {"type": "faults", "faults": {"slow": 2}, "struck": "hang"})
    assert slots["1"].faults == {"slow": 2}
    assert events.recorded == ["camera.faults"]


def test_an_alert_of_a_recorder_lasts_until_its_message_is_empty(
    messages: ProcessMessages, process: Any, slots: CameraSlots, events: Events
) -> None:
    messages.handle_message(process, {"type": "alert", "key": "recording.failed:sim", "message": "The disk is full."})
    before = events.open_alerts
    messages.handle_message(process, {"type": "alert", "key": "recording.failed:sim", "message": ""})
    assert before == ["recording.failed:sim"]
    assert events.open_alerts == []
    assert slots["1"].alerts.remove_all() == set()


def test_an_opened_camera_is_recorded_with_its_usb_identity(
    messages: ProcessMessages, process: Any, slots: CameraSlots, events: Events, fake_bus: FakeBus
) -> None:
    fake_bus.plug("1-2", 5, PIXELINK.vendor, PIXELINK.product, PIXELINK.serial)
    messages.handle_message(process, OPENED)
    assert slots["1"].usb == PIXELINK
    assert slots["1"].place == "3004"
    assert events.opened == [{"model": "PL-D", "usb": {"vendor": "1480", "product": "0001", "serial": "3004"}}]


@pytest.mark.parametrize("known", [PIXELINK, None], ids=["known", "new"])
def test_another_device_that_hangs_does_not_block_the_reader_of_a_process(
    messages: ProcessMessages,
    process: Any,
    slots: CameraSlots,
    events: Events,
    fake_bus: FakeBus,
    known: UsbIdentity | None,
) -> None:
    slots["1"].hardware = Hardware(usb=known)
    fake_bus.plug("1-1", 4)
    serial = fake_bus.hang("1-1")
    fake_bus.plug("1-2", 5, PIXELINK.vendor, PIXELINK.product, PIXELINK.serial)
    messages.handle_message(process, OPENED)
    assert slots["1"].place == "3004"
    assert slots["1"].usb == known
    assert len(events.opened) == 1
    os.close(os.open(serial, os.O_RDWR))  # ends a read that waits
