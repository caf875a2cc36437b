"""The sensors of a host while their rows change: real processes, real rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from core.outgoing import OutgoingGuard
from monitoring.models import Sensor
from monitoring.sensor_host.host import SensorHost
from monitoring.sensor_host.rows import read_rows
from monitoring.sensor_host.running import RunningSensors, SensorProcess
from tests.harness.rows.sensors import make_sensor
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db


@pytest.fixture
def sensor() -> Sensor:
    return make_sensor()


@pytest.fixture
def host(sensor: Sensor, tmp_path: Path, valkey: redis.Redis) -> Iterator[SensorHost]:
    host = SensorHost("main", tmp_path, OutgoingGuard())
    host.reconcile()
    yield host
    Sensor.objects.all().delete()
    host.reconcile()


@pytest.fixture
def names_at_stops(host: SensorHost, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The sensors that the host knows, at each end of a process."""
    found: list[list[str]] = []
    stop = SensorProcess.stop

    def watched(process: SensorProcess) -> None:
        found.append(names(host))
        stop(process)
        found.append(names(host))

    monkeypatch.setattr(SensorProcess, "stop", watched)
    return found


def names(host: SensorHost) -> list[str]:
    return [state["sensor"] for state in host.states()]


def change(sensor: Sensor) -> None:
    sensor.revision += 1
    sensor.save()


def test_a_sensor_is_among_the_states_while_its_process_is_replaced(
    host: SensorHost, sensor: Sensor, names_at_stops: list[list[str]]
) -> None:
    change(sensor)
    host.reconcile()
    assert names_at_stops == [["balcony"], ["balcony"]]
    assert names(host) == ["balcony"]


def test_a_sensor_that_is_switched_off_is_not_among_the_states(host: SensorHost, sensor: Sensor) -> None:
    Sensor.objects.update(enabled=False)
    host.reconcile()
    assert names(host) == []


def test_a_change_during_a_test_of_the_sensor_waits_for_its_end(
    host: SensorHost, sensor: Sensor, names_at_stops: list[list[str]]
) -> None:
    with host.paused(str(sensor.pk)):
        change(sensor)
        host.reconcile()
        assert len(names_at_stops) == 2, "only the stop for the test"
    host.reconcile()
    assert len(names_at_stops) == 4


class WatchedLock:
    """A lock that says when somebody has to wait for it."""

    def __init__(self) -> None:
        self._lock, self.is_waited_for = threading.Lock(), threading.Event()
        self.release = self._lock.release

    def acquire(self) -> bool:
        if self._lock.acquire(blocking=False):
            return True
        self.is_waited_for.set()
        return self._lock.acquire()


def test_two_tests_of_one_sensor_come_one_after_the_other(sensor: Sensor) -> None:
    sensors = RunningSensors("main", OutgoingGuard(), lambda _: None)
    sensors.apply(read_rows("main"))
    [running] = sensors.snapshot()
    running.in_use = lock = WatchedLock()  # type: ignore[assignment]
    second_began = threading.Event()

    def second() -> None:
        with sensors.paused(str(sensor.pk)):
            second_began.set()

    thread = threading.Thread(target=second)
    with sensors.paused(str(sensor.pk)):
        thread.start()
        assert lock.is_waited_for.wait(PATIENCE_S)
        assert not second_began.is_set()
    thread.join(PATIENCE_S)
    assert second_began.is_set()
    sensors.stop()
