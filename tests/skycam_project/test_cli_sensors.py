"""Sensors on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitoring.models import Sensor, SensorChannel
from monitoring.sensors.driver import SENSORS
from tests.harness.far_ends.login_sensor import LOGIN_KIND
from tests.harness.rows.sensors import make_sensor
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db


def channel_of(sensor: Sensor, key: str = "outdoor/temp", **fields: Any) -> SensorChannel:
    return SensorChannel.objects.create(sensor=sensor, key=key, **{"quantity": "temperature", **fields})


def test_a_sensor_is_added_listed_changed_and_removed() -> None:
    new = answer("sensors", "add", "balcony", "simulated", "--set", "temperature=4.5", "--interval", "5")
    assert (new["settings"]["temperature"], new["interval_s"], new["host"]) == (4.5, 5.0, "main")
    assert answer("sensors", "list")["results"] == [new]
    changed = answer("sensors", "change", "balcony", "--set", "fault=error", "--label", "Balcony", "--disabled")
    assert (changed["settings"]["fault"], changed["label"], changed["state"]) == ("error", "Balcony", "off")
    assert answer("sensors", "remove", "balcony", "--yes")["removed"] is True
    assert "No sensors." in skycam("sensors", "list").stdout


def test_a_bad_sensor_says_what_is_allowed() -> None:
    found = skycam("sensors", "add", "balcony", "simulatd")
    assert (found.exit_code, found.stderr) == (
        2,
        f"skycam: kind: There is no kind 'simulatd'. Did you mean simulated? Known are {', '.join(sorted(SENSORS))}.\n",
    )
    assert "'fault' is not NAME=VALUE." in skycam("sensors", "add", "balcony", "simulated", "--set", "fault").stderr
    assert "There is no sensor roof." in skycam("sensors", "change", "roof").stderr


def test_an_error_names_the_option_or_the_argument() -> None:
    make_sensor()
    assert skycam("sensors", "add", "Roof", "simulated").stderr.startswith("skycam: NAME: A name has 1 to 40")
    for command in (["add", "roof", "simulated"], ["change", "balcony"]):
        assert skycam("sensors", *command, "--interval", "0").stderr == "skycam: --interval: must be above 0.\n"


def test_a_sensor_is_switched_off_and_on_and_shown() -> None:
    make_sensor()
    assert answer("sensors", "disable", "balcony")["enabled"] is False
    assert answer("sensors", "show", "balcony")["state"] == "off"
    assert answer("sensors", "enable", "balcony")["enabled"] is True


def test_a_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(SENSORS, "login", LOGIN_KIND)
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"password": "p4ssword"}))
    found = skycam("sensors", "add", "roof", "login", "--set", "url=mqtt://roof", "--secret-file", str(secret))
    assert found.exit_code == 0
    assert Sensor.objects.get().stored_secrets() == {"password": "p4ssword"}
    assert answer("sensors", "list")["results"][0]["settings"]["password"] == "***"


def test_a_secret_that_is_no_object_is_refused_and_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("p4ssword")
    found = skycam("sensors", "add", "roof", "mqtt", "--secret-file", str(secret))
    assert (found.exit_code, "The secret is not a JSON object" in found.stderr, "p4ssword" in found.output) == (
        2,
        True,
        False,
    )


def test_a_channel_is_changed_by_its_key_or_its_id() -> None:
    channel = channel_of(make_sensor())
    body = answer("sensors", "channel", "balcony", "outdoor/temp", "--main", "--lowest", "-40", "--offset", "-0.5")
    assert (body["main"], body["lowest"], body["offset"]) == (True, -40.0, -0.5)
    assert answer("sensors", "channel", "balcony", str(channel.pk), "--lowest", "none")["lowest"] is None
    assert answer("sensors", "channels", "balcony")["results"][0]["offset"] == -0.5
    assert "outdoor/temp" in skycam("sensors", "channels", "balcony").stdout


def test_channels_with_one_key_are_told_apart_by_their_ids() -> None:
    sensor = make_sensor()
    channel_of(sensor, "dht")
    humidity = channel_of(sensor, "dht", quantity="humidity")
    assert "has several channels dht" in skycam("sensors", "channel", "balcony", "dht", "--hidden").stderr
    assert answer("sensors", "channel", "balcony", str(humidity.pk), "--hidden")["quantity"] == "humidity"


def test_the_removal_is_shown_first_and_needs_a_yes() -> None:
    channel_of(make_sensor())
    body = answer("sensors", "remove", "balcony", "--dry-run")
    assert (body["removed"], body["deleted"]) == (False, {"channels": 1, "readings": 0, "aggregates": 0})
    found = skycam("sensors", "remove", "balcony")
    assert (found.exit_code, Sensor.objects.filter(removed_at=None).count()) == (2, 1)
    assert "no one can be asked here" in found.stderr


def test_a_missing_value_is_listed_as_missing() -> None:
    channel_of(make_sensor())
    assert "outdoor/temp missing" in skycam("sensors", "list").stdout


def test_without_the_broker_this_machine_is_searched() -> None:
    body = answer("sensors", "detect")
    assert body["hosts"] == ["main"]
    assert "Only this machine was searched." in body["problems"][0]["message"]
    assert "simulated" in [one["kind"] for one in body["results"]]


def test_a_test_without_the_broker_fails() -> None:
    make_sensor()
    assert skycam("sensors", "test", "balcony").exit_code == 3
    assert "Give the NAME of a sensor" in skycam("sensors", "test").stderr
