"""The list `sensors` of `skycam config apply` and `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.events.models import Event
from monitoring.models import Sensor
from monitoring.sensors.driver import SENSORS
from skycam_project.config import ConfigManager
from skycam_project.config.manager import read_config_file
from skycam_project.config.redaction import secrets_of
from tests.harness.configurations import write
from tests.harness.far_ends.login_sensor import LOGIN_KIND
from tests.harness.rows.sensors import make_sensor
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
FILE = """
sensors:
  - name: roof
    type: simulated
    label: Roof
    sampling_interval: 5
    settings: {humidity: 40}
  - name: gate
    type: login
    settings: {url: "mqtt://gate", user: anna, password: "${GATE}", program: /usr/bin/temp}
"""


@pytest.fixture(autouse=True)
def login_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SENSORS, "login", LOGIN_KIND)
    monkeypatch.setenv("GATE", "p4ssword")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "skycam.yaml", FILE)


def apply(path: Path, *more: str) -> Any:
    return answer("config", "apply", str(path), "--yes", *more)["sensors"]


def test_sensors_are_added_with_what_the_file_alone_may_set(file: Path) -> None:
    assert [one["name"] for one in apply(file)["added"]] == ["roof", "gate"]
    gate, roof = Sensor.objects.order_by("name")
    assert (roof.label, roof.interval_s, roof.settings["humidity"]) == ("Roof", 5.0, 40.0)
    assert gate.settings["program"] == "/usr/bin/temp"
    assert gate.stored_secrets() == {"password": "p4ssword"}


def test_the_plan_shows_no_secret(file: Path) -> None:
    found = skycam("config", "apply", str(file), "--dry-run")
    assert "password ***" in found.stdout
    assert "p4ssword" not in found.stdout + found.stderr
    assert "p4ssword" in secrets_of(read_config_file(file).config)
    assert not Sensor.objects.exists()


def test_the_same_file_again_has_nothing_to_do(file: Path) -> None:
    apply(file)
    before = Event.objects.count()
    assert apply(file)["unchanged"] == ["roof", "gate"]
    assert (Event.objects.count(), set(Sensor.objects.values_list("revision", flat=True))) == (before, {1})


def test_a_change_shows_old_and_new(file: Path) -> None:
    apply(file)
    write(file, FILE.replace("5\n", "9\n").replace("user: anna", "user: otto"))
    roof, gate = apply(file)["changed"]
    assert roof["fields"] == [{"field": "sampling_interval", "old": 5.0, "new": 9.0}]
    assert (gate["fields"][0]["old"]["user"], gate["fields"][0]["new"]["user"]) == ("anna", "otto")


def test_a_secret_that_changes_is_told_without_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(file)
    monkeypatch.setenv("GATE", "another")
    (gate,) = apply(file)["changed"]
    assert gate["fields"][0]["new"] == "its secrets change"
    assert Sensor.objects.get(name="gate").stored_secrets() == {"password": "another"}


def test_settings_that_the_file_does_not_have_get_their_defaults_and_a_secret_stays(file: Path) -> None:
    apply(file)
    write(file, FILE.replace("{humidity: 40}", "{temperature: 3}").replace(', password: "${GATE}"', ""))
    assert [one["name"] for one in apply(file)["changed"]] == ["roof"]
    assert Sensor.objects.get(name="roof").settings["humidity"] == 60.0
    assert Sensor.objects.get(name="gate").stored_secrets() == {"password": "p4ssword"}


def test_only_prune_removes(file: Path) -> None:
    make_sensor("cellar")
    assert apply(file)["kept"] == ["cellar"]
    assert apply(file, "--prune")["removed"] == ["cellar"]
    assert not Sensor.objects.filter(name="cellar", removed_at=None).exists()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("humidity: 40", "humidity: 400", "skycam.yaml:7: sensors.1.settings: humidity is not valid"),
        ("humidity: 40", "humidty: 40", "skycam.yaml:7: sensors.1.settings: humidty is not a setting"),
        ("sampling_interval: 5", "sampling_interval: 0.01", "sensors.1.sampling_interval: The shortest interval"),
        ("label: Roof", "host: nowhere", "skycam.yaml:5: sensors.1.host: There is no host 'nowhere'"),
        ("type: simulated", "type: thermometer", "skycam.yaml:4: sensors.1.type: 'thermometer' is not allowed"),
        ("name: roof", "name: detect", "A sensor cannot be called detect"),
        ("label: Roof", "port: /dev/ttyUSB0", "sensors.1.settings: port is not a setting of this kind"),
        ('url: "mqtt://gate"', "port: 1, url: x", "sensors.2.settings: port is not a setting of this kind"),
    ],
)
def test_one_wrong_value_changes_nothing(file: Path, old: str, new: str, sentence: str) -> None:
    found = skycam("config", "apply", str(write(file, FILE.replace(old, new))), "--yes")
    assert found.exit_code == 1
    assert sentence in found.stderr
    assert not Sensor.objects.exists()


def test_the_type_of_a_sensor_cannot_change(file: Path) -> None:
    make_sensor("gate")
    found = skycam("config", "apply", str(file), "--yes")
    assert "gate is a sensor of the type simulated, and its type cannot be changed." in found.stderr


def test_an_export_has_the_sensors_without_their_secrets_and_can_be_applied(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(file)
    exported = answer("config", "export")
    assert exported["variables"] == ["PASSWORD_OF_GATE"]
    assert "p4ssword" not in exported["yaml"]
    monkeypatch.setenv("PASSWORD_OF_GATE", "p4ssword")
    assert apply(write(tmp_path / "exported.yaml", exported["yaml"]))["unchanged"] == ["gate", "roof"]


def test_a_written_configuration_has_no_secret_of_a_sensor(file: Path, tmp_path: Path) -> None:
    write(file, FILE.replace("${GATE}", "p4ssword"))
    read_config_file(file).config.to_yaml(tmp_path / "written.yaml")
    written = (tmp_path / "written.yaml").read_text()
    assert "${PASSWORD_OF_GATE}" in written
    assert "p4ssword" not in written
    assert "p4ssword" not in str(ConfigManager(file, environment={}, here=tmp_path).show())


def test_the_first_sensor_is_described_once(file: Path) -> None:
    write(file, FILE.replace("name: roof", "name: main") + "sensor: {type: simulated}\n")
    found = skycam("config", "apply", str(file), "--yes")
    assert "The sensor main is described twice" in found.stderr
