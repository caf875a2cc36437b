"""Gates on the camera host: readings become states, events, alerts, and messages to the camera processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cameras.gates.gate import Gate, Reading
from cameras.supervision.camera_slot import CameraSlot, CameraSlots
from cameras.supervision.configured_gates import ConfiguredGate
from cameras.supervision.gate_monitor import GateMonitor, GateReports, GateSender, SourceReader
from cameras.supervision.recovery_policy import RestartSchedule
from tests.harness.clocks.clock import SteppingClock
from tests.harness.supervision.hosts import DESIRED, Events, slots_of
from tests.harness.supervision.processes import Process
from tests.harness.waiting import PATIENCE_S, eventually

RAIN = Gate("rain", unsafe_above=0.2, safe_for_s=0.0)
COLD = ConfiguredGate(Gate("cold", unsafe_below=-20, safe_for_s=0.0), camera_value="temperature")


class GivenSource:
    """Gives what the test has set."""

    def __init__(self, value: float | str | None = 0.1) -> None:
        self.value, self.readings = value, 0

    def read(self) -> Reading:
        self.readings += 1
        return Reading(self.value, "" if self.value is not None else "The sensor is away.")


class HangingSource:
    """Answers `times` times, then hangs until it may go on."""

    def __init__(self, times: int = 0) -> None:
        self.goes_on, self._times = threading.Event(), times

    def read(self) -> Reading:
        self._times -= 1
        if self._times < 0:
            self.goes_on.wait(PATIENCE_S)
        return Reading(0.1)


class KeptEvents(Events):
    """With what the events say."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, str, str | None, dict[str, Any]]] = []

    def record_event(self, kind: str, message: str, severity: str, camera: Any, data: dict[str, Any]) -> None:
        super().record_event(kind, message, severity, camera, data)
        self.events.append((kind, message, camera.slug if camera else None, data))


class HostBench:
    def __init__(self, *gates: ConfiguredGate, cameras: tuple[str, ...] = ("sim",)) -> None:
        self.clock, self.events = SteppingClock(), KeptEvents()
        self.slots: CameraSlots = slots_of(*(replace(DESIRED, id=slug, slug=slug, root="root") for slug in cameras))
        self.monitor = GateMonitor(gates, self.slots, GateReports(self.events, "main"), self.clock.monotonic)
        self.sender = GateSender(self.slots, self.monitor.statuses, self.clock.monotonic)

    def tick(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.monitor.evaluate_gates()
        self.sender.send_gates()

    def start_process(self, slug: str = "sim", **state: Any) -> Process:
        process: Any = Process(state=state)
        self.slots[slug].child = process
        return process  # type: ignore[no-any-return]

    def slot(self, slug: str = "sim") -> CameraSlot:
        return self.slots[slug]

    def is_open(self, slug: str = "sim") -> list[bool]:
        return [gate["open"] for gate in self.monitor.statuses(self.slot(slug))]

    def eventually(self, *is_open: bool) -> None:
        def ticked() -> bool:
            self.tick()
            return self.is_open() == list(is_open)

        eventually(ticked)


@contextmanager
def watching(*gates: ConfiguredGate, cameras: tuple[str, ...] = ("sim",)) -> Iterator[HostBench]:
    bench = HostBench(*gates, cameras=cameras)
    yield bench
    bench.monitor.stop()


def gate_of(source: Any, gate: Gate = RAIN, cameras: tuple[str, ...] = ()) -> ConfiguredGate:
    return ConfiguredGate(gate, cameras=cameras, every_s=0.02, source=source)


# States


def test_before_the_first_reading_a_gate_is_closed() -> None:
    bench = HostBench(gate_of(GivenSource()))
    [status] = bench.monitor.statuses(bench.slot())
    assert not status["open"]
    assert status["sentence"] == "The gate rain is closed: its value is unknown. There is no reading yet."


def test_a_gate_follows_its_source() -> None:
    source = GivenSource()
    with watching(gate_of(source)) as bench:
        bench.eventually(True)
        source.value = 0.4
        bench.eventually(False)
        source.value = 0.1
        bench.eventually(True)


def test_a_source_that_hangs_delays_neither_the_supervisor_nor_another_gate() -> None:
    hanging = HangingSource()
    with watching(gate_of(hanging), gate_of(GivenSource(), Gate("wind", unsafe_above=10, safe_for_s=0))) as bench:
        bench.eventually(False, True)
        hanging.goes_on.set()
        bench.eventually(True, True)


def test_a_reading_is_unknown_when_the_source_hangs_for_too_long() -> None:
    clock, hanging = SteppingClock(), HangingSource(times=1)
    reader = SourceReader("rain", hanging, every_s=10.0, deadline_s=5.0, clock=clock.monotonic)
    reader.start()
    eventually(lambda: reader.reading().value == 0.1)
    clock.advance(19.0)
    assert reader.reading().value == 0.1
    clock.advance(5.0)
    assert reader.reading() == Reading(None, "The source has not answered for 24 s.")
    hanging.goes_on.set()
    reader.request_stop()


def test_a_gate_concerns_its_cameras_alone() -> None:
    bench = HostBench(gate_of(GivenSource(), cameras=("dome",)), cameras=("dome", "lab"))
    assert [len(bench.monitor.statuses(bench.slot(slug))) for slug in ("dome", "lab")] == [1, 0]


def test_the_temperature_of_each_camera_gates_that_camera() -> None:
    with watching(COLD, cameras=("dome", "lab")) as bench:
        bench.start_process("dome", temperature_celsius=-25.0)
        bench.start_process("lab", temperature_celsius=20.0)
        bench.tick()
        assert (bench.is_open("dome"), bench.is_open("lab")) == ([False], [True])


@pytest.mark.parametrize(
    ("silent", "state", "why"),
    [
        (0.0, {"temperature_celsius": None}, "The camera reports no temperature."),
        (0.0, {}, "The camera reports no temperature."),
        (40.0, {"temperature_celsius": 20.0}, "The process of the camera has not reported for 40 s."),
    ],
)
def test_a_camera_that_does_not_report_is_unknown(silent: float, state: dict[str, Any], why: str) -> None:
    with watching(COLD) as bench:
        bench.start_process(**state).silent = silent
        bench.tick()
        [status] = bench.monitor.statuses(bench.slot())
        assert status["sentence"] == f"The gate cold is closed: its value is unknown. {why}"


def test_a_camera_without_a_process_is_unknown() -> None:
    with watching(COLD) as bench:
        bench.tick()
        [status] = bench.monitor.statuses(bench.slot())
        assert status["sentence"].endswith("The process of the camera does not run.")


def test_the_disk_of_the_captures_gates_the_cameras_that_use_it(tmp_path: Path) -> None:
    disk = ConfiguredGate(Gate("disk", unsafe_below=1, safe_for_s=0.0), every_s=0.02, disk_value="free_bytes")
    with watching(disk) as bench:
        bench.slot().desired = replace(bench.slot().desired, root_path=str(tmp_path))
        bench.eventually(True)


def test_a_disk_that_is_away_is_unknown(tmp_path: Path) -> None:
    disk = ConfiguredGate(Gate("disk", unsafe_below=1, safe_for_s=0.0), every_s=0.02, disk_value="free_bytes")
    with watching(disk) as bench:
        bench.slot().desired = replace(bench.slot().desired, root_path=str(tmp_path / "away"))

        def sentence() -> str:
            bench.tick()
            return bench.monitor.statuses(bench.slot())[0]["sentence"]

        eventually(lambda: "No such file" in sentence())
        assert bench.is_open() == [False]


# Messages


def test_a_process_gets_its_gates_at_once_and_then_every_ten_seconds() -> None:
    with watching(gate_of(GivenSource())) as bench:
        process = bench.start_process()
        bench.eventually(True)
        assert {kind for kind, _ in process.sent} == {"gates"}
        command = process.sent[-1][1]
        assert (command["life_s"], command["gates"][0]["open"], command["gates"][0]["value"]) == (30.0, True, 0.1)
        before = len(process.sent)
        bench.tick(9.0)
        assert len(process.sent) == before
        bench.tick(1.0)
        assert len(process.sent) == before + 1


def test_a_change_is_sent_at_once() -> None:
    source = GivenSource()
    with watching(gate_of(source)) as bench:
        process = bench.start_process()
        bench.eventually(True)
        source.value = 0.4
        bench.eventually(False)
        assert process.sent[-1][1]["gates"][0]["sentence"] == "The gate rain is closed: 0.4 is above 0.2."


def test_a_new_process_gets_its_gates_at_once() -> None:
    with watching(gate_of(GivenSource())) as bench:
        bench.start_process()
        bench.eventually(True)
        restarted = bench.start_process()
        bench.tick()
        assert len(restarted.sent) == 1


def test_what_a_process_does_not_read_is_sent_again() -> None:
    with watching(gate_of(GivenSource())) as bench:
        process = bench.start_process()
        process.reads = False
        bench.tick()
        bench.tick()
        assert len(process.sent) == 2


def test_a_camera_without_gates_gets_no_message() -> None:
    with watching() as bench:
        process = bench.start_process()
        bench.tick()
        assert process.sent == []


# Events and alerts


def test_each_change_is_an_event_with_gate_value_and_limit() -> None:
    source = GivenSource()
    with watching(gate_of(source)) as bench:
        bench.eventually(True)
        source.value = 0.4
        bench.eventually(False)
    assert bench.events.events == [
        ("gate.opened", "The gate rain is open: 0.1.", None,
         {"gate": "rain", "value": 0.1, "limit": None, "cameras": []}),
        ("gate.closed", "The gate rain is closed: 0.4 is above 0.2.", None,
         {"gate": "rain", "value": 0.4, "limit": 0.2, "cameras": []}),
    ]  # fmt: skip


def test_a_gate_of_some_cameras_has_an_event_for_each() -> None:
    with watching(gate_of(GivenSource(), cameras=("sim", "lab")), cameras=("sim", "lab", "dome")) as bench:
        bench.eventually(True)
    assert [(camera, data["cameras"]) for _, _, camera, data in bench.events.events] == [
        ("sim", ["sim"]),
        ("lab", ["lab"]),
    ]


def test_a_value_that_stays_unknown_raises_one_alert_until_it_is_known() -> None:
    source = GivenSource(None)
    with watching(gate_of(source)) as bench:
        bench.tick(299)
        bench.tick()
        eventually(lambda: source.readings)
        assert bench.events.open_alerts == []
        bench.tick(300)
        bench.tick(300)
        assert bench.events.open_alerts == ["gate.unknown:main:rain"]
        source.value = 0.1
        bench.eventually(True)
        assert bench.events.open_alerts == []


def test_a_gate_whose_camera_is_missing_raises_an_alert_until_the_host_has_it() -> None:
    with watching(gate_of(GivenSource(), cameras=("sim", "dome"))) as bench:
        bench.tick()
        assert bench.events.open_alerts == ["gate.missing:main:rain"]
        bench.slots.add(CameraSlot(replace(DESIRED, id="dome", slug="dome"), RestartSchedule()))
        bench.tick()
        assert bench.events.open_alerts == []


def test_the_alerts_of_the_worker_before_are_resolved_at_the_start() -> None:
    bench = HostBench()
    bench.events.open_alerts = ["gate.unknown:main:removed", "gate.unknown:other:rain"]
    bench.monitor.start()
    assert bench.events.open_alerts == ["gate.unknown:other:rain"]
