"""Detection and tests on a host: the real command server, a real broker, and real processes of drivers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone

from core.broker import broker
from core.outgoing import OutgoingGuard
from monitoring.models import SensorChannel
from monitoring.sensor_management import commands, selectors
from monitoring.sensor_management import commands as probing
from monitoring.sensor_management.commands import SensorCommandServer
from monitoring.sensors.probe import ProbeRequest
from tests.harness.rows.sensor_states import AT, SINCE, publish, reading
from tests.harness.rows.sensors import SIMULATED, make_sensor
from tests.harness.waiting import eventually

pytestmark = pytest.mark.django_db
URL = "/api/v1/sensors/"
SOON_S = 0.2
"""How long a request waits for a host that does not answer; 22 s on a station."""


@pytest.fixture
def paused() -> list[str]:
    """The sensors that a test has paused."""
    return []


@pytest.fixture
def host(valkey: redis.Redis, paused: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SensorCommandServer]:
    """It looks every tenth of a second whether it is to stop."""
    monkeypatch.setattr(commands, "BLOCK_S", 0.1)

    @contextmanager
    def pause(sensor: str) -> Iterator[None]:
        paused.append(sensor)
        yield

    publish()
    server = SensorCommandServer("main", OutgoingGuard(), pause)
    server.start()
    yield server
    server.stop()


def test_settings_are_tried_before_they_are_stored(manager: Any, host: SensorCommandServer) -> None:
    body = manager.post(f"{URL}test/", {"kind": "simulated", "settings": {"humidity": 41}}).json()
    assert (body["ok"], body["message"]) == (True, "")
    assert [(one["quantity"], one["channel"]) for one in body["samples"]] == [
        ("temperature", "temperature"),
        ("humidity", "humidity"),
    ]
    assert body["samples"][1]["value"] == 41.0
    assert body["took_s"] > 0


def test_the_error_of_a_driver_is_the_outcome(manager: Any, host: SensorCommandServer) -> None:
    body = manager.post(f"{URL}test/", {"kind": "simulated", "settings": {"fault": "error"}}).json()
    assert (body["ok"], body["samples"]) == (False, [])
    assert "has its fault `error`" in body["message"]


def test_a_stored_sensor_is_tried_while_its_process_is_paused(
    manager: Any, host: SensorCommandServer, paused: list[str]
) -> None:
    sensor = make_sensor()
    assert manager.post(f"{URL}balcony/test/", {"settings": {"fault": "error"}}).json()["ok"] is False
    assert manager.post(f"{URL}balcony/test/").json()["ok"] is True
    assert paused == [str(sensor.pk)] * 2


def test_a_driver_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "KILL_AFTER_S", 0.5)
    request = ProbeRequest(
        action="test", kind="simulated", settings={**SIMULATED, "fault": "silent"}, deadline_s=0.5,
        outgoing=OutgoingGuard().rules(),
    )  # fmt: skip
    assert probing.run_probe(request)["message"] == "It did not answer within 1 s, so its process was killed."


def test_detection_lists_devices_with_a_free_name(manager: Any, host: SensorCommandServer) -> None:
    make_sensor("simulated", host="elsewhere")
    body = manager.post(f"{URL}detect/").json()
    assert body["hosts"] == ["elsewhere", "main"]
    (found,) = [one for one in body["results"] if one["kind"] == "simulated"]
    assert (found["host"], found["sensor"], found["suggested"]) == ("main", None, "simulated-2")
    assert [(one["host"], one["message"]) for one in body["problems"] if not one["kind"]] == [
        ("elsewhere", "The sensors part of the host elsewhere does not answer. Start `skycam up` there.")
    ]


def test_a_device_that_is_a_sensor_already_is_named(manager: Any, host: SensorCommandServer) -> None:
    make_sensor()
    results = manager.post(f"{URL}detect/").json()["results"]
    (found,) = [one for one in results if one["kind"] == "simulated"]
    assert (found["sensor"], found["suggested"]) == ("balcony", "")


def test_a_host_that_is_down_costs_no_wait(manager: Any, valkey: redis.Redis) -> None:
    answer = manager.post(f"{URL}test/", {"kind": "simulated"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/host-down")


def test_a_host_that_does_not_answer_is_too_slow(
    manager: Any, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    monkeypatch.setitem(commands.WAIT_S, "test", SOON_S)
    answer = manager.post(f"{URL}test/", {"kind": "simulated"})
    assert (answer.status_code, answer.json()["type"]) == (504, "/problems/too-slow")


def test_a_broker_that_is_down_is_an_error(manager: Any) -> None:
    answer = manager.post(f"{URL}test/", {"kind": "simulated"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/broker-down")


def test_a_command_after_its_deadline_is_not_started(valkey: redis.Redis, paused: list[str]) -> None:
    late = commands.SensorCommand(
        id="late", command="test", sensor="x", kind="simulated", settings_encrypted="", deadline_ms=1
    )
    valkey.rpush(commands.command_list("main"), json.dumps(late))
    server = SensorCommandServer("main", OutgoingGuard())
    assert server.answer_next() is None
    server.stop()
    assert not valkey.exists(commands.answer_list("late"))


def test_no_secret_is_readable_in_the_broker(
    manager: Any, valkey: redis.Redis, login_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    monkeypatch.setitem(commands.WAIT_S, "test", SOON_S)
    settings = {"url": "mqtt://roof", "password": "p4ssword"}
    manager.post(f"{URL}test/", {"kind": "login", "settings": settings})
    (command,) = valkey.lrange(commands.command_list("main"), 0, -1)
    assert "p4ssword" not in command


def test_the_server_answers_again_when_the_broker_is_back(host: SensorCommandServer, manager: Any) -> None:
    broker.connection().client_kill_filter(_type="normal", skipme=False)
    eventually(lambda: manager.post(f"{URL}test/", {"kind": "simulated"}).status_code == 200)


# What the host says of its sensors


def test_values_are_those_of_the_host(viewer: Any, valkey: redis.Redis) -> None:
    SensorChannel.objects.create(sensor=make_sensor(), key="t", quantity="temperature", main=True)
    publish(reading(main=True))
    body = viewer.get(f"{URL}balcony/").json()
    assert (body["state"], body["at"], body["since"]) == ("ok", AT, SINCE)
    channel = body["channels"][0]
    assert (channel["value"], channel["quality"], channel["at"], channel["main"]) == (4.25, "ok", AT, True)
    assert channel["age_s"] > 0


def test_a_missing_value_is_null_and_never_the_last_one(viewer: Any, valkey: redis.Redis) -> None:
    SensorChannel.objects.create(sensor=make_sensor(), key="t", quantity="temperature")
    publish(reading(quality="missing"), state="missing", message="balcony has sent nothing for 6 s.")
    body = viewer.get(f"{URL}balcony/").json()
    assert (body["state"], body["message"]) == ("missing", "balcony has sent nothing for 6 s.")
    assert (body["channels"][0]["value"], body["channels"][0]["at"]) == (None, AT)


def test_without_its_host_a_sensor_is_missing(viewer: Any, valkey: redis.Redis) -> None:
    sensor = make_sensor(created_at=timezone.now() - timedelta(minutes=1))
    SensorChannel.objects.create(sensor=sensor, key="t", quantity="temperature")
    body = viewer.get(f"{URL}balcony/").json()
    assert (body["state"], body["channels"][0]["value"], body["channels"][0]["quality"]) == ("missing", None, "missing")
    assert body["message"] == "The host main says nothing of it. Is `skycam up` running there?"


def test_a_sensor_that_was_just_added_is_starting(
    viewer: Any, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "JUST_ADDED", timedelta(hours=1))
    make_sensor()
    assert viewer.get(f"{URL}balcony/").json()["state"] == "starting"


def test_without_the_broker_values_are_unknown(viewer: Any) -> None:
    make_sensor()
    body = viewer.get(f"{URL}balcony/").json()
    assert (body["state"], body["message"]) == (
        "missing",
        "The station's broker does not answer, so no values are known.",
    )
