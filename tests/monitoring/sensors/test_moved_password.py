"""Someone who can write to the database, but has no key, wants the password of a sensor. The real process of the
sensor connects to real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from core.outgoing import OutgoingGuard
from monitoring.models import Sensor
from monitoring.sensor_host.host import SensorHost
from tests.harness.far_ends.listener import Listener, listening
from tests.harness.rows.secrets import SESAME, sensor_with_password
from tests.harness.waiting import eventually

pytestmark = pytest.mark.django_db


@pytest.fixture
def own() -> Iterator[Listener]:
    """Where the password was given for."""
    with listening() as server:
        yield server


@pytest.fixture
def evil() -> Iterator[Listener]:
    with listening() as server:
        yield server


@pytest.fixture
def sensor(own: Listener) -> Sensor:
    return sensor_with_password(host="127.0.0.1", port=own.port)


@pytest.fixture
def host(sensor: Sensor, tmp_path: Path, valkey: redis.Redis) -> Iterator[SensorHost]:
    host = SensorHost("main", tmp_path, OutgoingGuard())
    yield host
    Sensor.objects.all().delete()
    host.reconcile()


def error_of(host: SensorHost) -> str:
    return next((state["message"] for state in host.states()), "")


def test_the_password_of_a_sensor_is_sent_to_its_own_place(host: SensorHost, own: Listener) -> None:
    host.reconcile()
    eventually(lambda: SESAME.encode() in own.received, "the sensor sends its password to the place it was given for")


def test_the_password_of_a_sensor_is_not_sent_to_a_place_that_was_written_into_its_row(
    host: SensorHost, sensor: Sensor, evil: Listener
) -> None:
    write_place(sensor, evil)
    host.reconcile()
    eventually(lambda: "for another place" in error_of(host) or evil.received, "it has an error, or has connected")
    assert bytes(evil.received) == b""
    assert "for another place" in error_of(host)


def test_nor_is_it_while_the_sensor_runs(host: SensorHost, sensor: Sensor, own: Listener, evil: Listener) -> None:
    host.reconcile()
    eventually(lambda: SESAME.encode() in own.received)
    write_place(sensor, evil)
    host.reconcile()
    eventually(lambda: "for another place" in error_of(host) or evil.received, "it has an error, or has connected")
    assert bytes(evil.received) == b""


def write_place(sensor: Sensor, evil: Listener) -> None:
    """As someone does who restarts its process with it."""
    Sensor.objects.update(settings={**sensor.settings, "port": evil.port}, revision=sensor.revision + 1)
