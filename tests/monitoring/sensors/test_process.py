"""The process of a sensor: it is heard, killed when it hangs, and ends with its host."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from core.outgoing import OutgoingGuard
from monitoring.sensor_host.running import SensorProcess
from monitoring.sensors.messages import Message, Specification
from tests.harness.rows.sensors import SIMULATED
from tests.harness.waiting import PATIENCE_S, eventually

UNUSABLE = "What its process sent cannot be used; the log has the traceback."
Start = Callable[..., tuple[SensorProcess, "queue.Queue[Message]"]]


@pytest.fixture
def start() -> Iterator[Start]:
    processes = []

    def start(deadline_s: float = 10.0, **settings: Any) -> tuple[SensorProcess, queue.Queue[Message]]:
        heard: queue.Queue[Message] = queue.Queue()
        specification = Specification(
            kind="simulated",
            settings={**SIMULATED, **settings},
            interval_s=0.05,
            deadline_s=deadline_s,
            outgoing=OutgoingGuard().rules(),
        )
        process = SensorProcess("balcony", specification, heard.put)
        processes.append(process)
        process.start()
        return process, heard

    yield start
    for process in processes:
        process.stop(PATIENCE_S)


def test_its_readings_are_heard(start: Start) -> None:
    _, heard = start()
    message: Any = heard.get(timeout=PATIENCE_S)
    assert [sample["quantity"] for sample in message["samples"]] == ["temperature", "humidity"]


def test_an_error_of_the_driver_is_heard(start: Start) -> None:
    _, heard = start(fault="error")
    message: Any = heard.get(timeout=PATIENCE_S)
    assert (message["type"], message["permanent"]) == ("error", False)


def test_a_process_that_hangs_is_killed_and_started_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.sensor_host.running.MARGIN_S", 1.0)
    process, heard = start(deadline_s=0.1, fault="silent")
    first = psutil.Process(eventually(lambda: process.pid))
    message: Any = heard.get(timeout=PATIENCE_S)
    assert "has not answered" in message["message"]
    eventually(lambda: process.pid not in {None, first.pid})
    assert not first.is_running()


class StandingClock:
    """The time of a process that gets no processor."""

    samples = 0

    def now(self) -> float:
        return 7.0

    def sample(self) -> None:
        self.samples += 1


def test_a_process_that_waits_for_a_processor_is_not_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = StandingClock()
    monkeypatch.setattr("monitoring.sensor_host.running.ProcessorClock", lambda pid: clock)
    monkeypatch.setattr("monitoring.sensor_host.running.MARGIN_S", 0.0)
    _, heard = start(deadline_s=0.1, fault="silent")
    eventually(lambda: clock.samples > 8)
    assert heard.empty()


def test_a_process_that_was_killed_is_started_again(start: Start) -> None:
    process, heard = start()
    heard.get(timeout=PATIENCE_S)
    psutil.Process(process.pid).kill()
    message: Any = eventually(
        lambda: next((one for one in [heard.get(timeout=PATIENCE_S)] if one["type"] == "error"), None)
    )
    assert message["message"] == "Its process ended with status -9."
    assert eventually(lambda: heard.get(timeout=PATIENCE_S)["type"] == "samples")


def test_a_stop_ends_the_process(start: Start) -> None:
    process, heard = start()
    heard.get(timeout=PATIENCE_S)
    child = psutil.Process(process.pid)
    process.stop(PATIENCE_S)
    assert not child.is_running()


def test_a_stop_ends_a_process_that_hangs(start: Start) -> None:
    process, _ = start(fault="silent")
    child = psutil.Process(eventually(lambda: process.pid))
    process.stop(PATIENCE_S)
    assert not child.is_running()


def test_the_environment_of_the_process_has_no_secrets(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/name?sslmode=require")
    process, heard = start()
    heard.get(timeout=PATIENCE_S)
    assert "DATABASE_URL" not in psutil.Process(process.pid).environ()


def test_a_process_whose_messages_cannot_be_used_is_started_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.sensor_host.running.MODULE", "this")
    _, heard = start()
    for _ in range(2):
        # It ends by itself: the first that is noticed of it may be that.
        eventually(lambda: heard.get(timeout=PATIENCE_S)["message"] == UNUSABLE)


def test_a_process_that_closes_its_output_and_goes_on_is_killed_and_started_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.sensor_host.running.MODULE", "tests.harness.far_ends.mute_sensor")
    monkeypatch.setattr("monitoring.sensor_host.running.STOP_S", 0.1)
    _, heard = start()
    messages: Any = [heard.get(timeout=PATIENCE_S), heard.get(timeout=PATIENCE_S)]
    assert {one["message"] for one in messages} == {"Its process closed its output without an end, so it was killed."}


def test_what_a_library_prints_is_no_message(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.sensor_host.running.MODULE", "tests.harness.far_ends.printing_sensor")
    _, heard = start()
    message: Any = heard.get(timeout=PATIENCE_S)
    assert message["type"] == "samples"
