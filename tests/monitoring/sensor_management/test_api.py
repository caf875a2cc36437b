"""The routes of sensors, without their hosts."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.events.models import Event
from monitoring.models import Sensor, SensorChannel
from monitoring.sensors.driver import SENSORS
from monitoring.sensors.settings import settings_model
from tests.harness.rows.sensors import make_sensor

pytestmark = pytest.mark.django_db
URL = "/api/v1/sensors/"
NEW = {"name": "balcony", "kind": "simulated", "settings": {"temperature": 4.5}}
LOGIN = {
    "name": "roof",
    "kind": "login",
    "settings": {"url": "mqtt://roof", "user": "anna", "password": "p4ssword"},
}


def make_channel(sensor: Sensor, key: str = "t", **fields: Any) -> SensorChannel:
    return SensorChannel.objects.create(sensor=sensor, key=key, **{"quantity": "temperature", **fields})


def test_a_manager_adds_a_sensor(manager: Any) -> None:
    answer = manager.post(URL, NEW)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["name"], body["kind"], body["host"], body["interval_s"]) == ("balcony", "simulated", "main", 2.0)
    assert body["settings"] == {"temperature": 4.5, "amplitude": 5.0, "humidity": 60.0, "fault": "none"}
    assert (body["state"], body["channels"]) == ("missing", [])
    assert manager.get(answer["Location"]).json() == body
    assert manager.get(URL).json() == {"results": [body]}


def test_viewers_look_and_only_managers_change(viewer: Any, operator: Any) -> None:
    make_sensor()
    assert viewer.get(URL).status_code == 200
    assert viewer.get(f"{URL}balcony/").status_code == 200
    assert operator.post(URL, NEW).status_code == 403
    assert operator.patch(f"{URL}balcony/", {"label": "x"}).status_code == 403
    assert operator.delete(f"{URL}balcony/").status_code == 403
    assert operator.post(f"{URL}detect/").status_code == 403
    assert operator.post(f"{URL}balcony/test/").status_code == 403


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Balcony"}, "name: "),
        ({"name": "../etc"}, "name: "),
        ({"name": "a" * 300}, "name: "),
        ({"name": "detect"}, "name: A sensor cannot be called detect"),
        ({"label": "a\u202eb"}, "label: This contains a line break or an invisible character"),
        ({"label": "x" * 300}, "label: "),
        ({"kind": "simulatd"}, "kind: There is no kind 'simulatd'. Did you mean simulated?"),
        ({"kind": "../../x"}, "kind: There is no kind"),
        ({"host": "nowhere"}, "host: There is no host 'nowhere'; known are main."),
        ({"interval_s": 0.01}, "interval_s: The shortest interval of this kind is 0.1 s."),
        ({"interval_s": 1e9}, "interval_s: "),
        ({"interval_s": True}, "interval_s: "),
        ({"settings": {"temprature": 1}}, "settings: temprature is not a setting of this kind"),
        ({"settings": {"humidity": 101}}, "settings: humidity is not valid"),
        ({"settings": {"fault": "'; DROP TABLE"}}, "settings: fault is not valid"),
        ({"settings": []}, "settings: "),
        ({"secret": 1}, "secret: "),
    ],
)
def test_a_bad_sensor_is_refused(manager: Any, change: dict[str, Any], message: str) -> None:
    answer = manager.post(URL, {**NEW, **change})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(message), answer.json()["detail"]
    assert not Sensor.objects.exists()


def test_a_name_is_taken_until_its_sensor_is_removed(manager: Any) -> None:
    manager.post(URL, NEW)
    assert "already" in manager.post(URL, NEW).json()["detail"]
    assert manager.delete(f"{URL}balcony/").status_code == 204
    assert manager.get(f"{URL}balcony/").status_code == 404
    assert manager.delete(f"{URL}balcony/").status_code == 404
    assert manager.post(URL, NEW).status_code == 201


def test_a_secret_is_encrypted_and_never_shown(manager: Any, login_kind: str) -> None:
    body = manager.post(URL, LOGIN).json()
    assert body["settings"]["password"] == "***"
    sensor = Sensor.objects.get()
    events = str(list(Event.objects.values_list("message", "data")))
    assert "p4ssword" not in str(Sensor.objects.values().get()) + events + str(manager.get(URL).json())
    assert sensor.stored_secrets() == {"password": "p4ssword"}


@pytest.mark.parametrize("given", [{"user": "otto"}, {"user": "otto", "password": "***"}])
def test_a_secret_that_is_not_given_stays(manager: Any, login_kind: str, given: dict[str, str]) -> None:
    manager.post(URL, LOGIN)
    assert manager.patch(f"{URL}roof/", {"settings": given}).json()["settings"]["user"] == "otto"
    assert Sensor.objects.get().stored_secrets() == {"password": "p4ssword"}


def test_a_secret_is_removed_by_null(manager: Any, login_kind: str) -> None:
    manager.post(URL, LOGIN)
    assert manager.patch(f"{URL}roof/", {"settings": {"password": None}}).status_code == 200
    assert Sensor.objects.get().secrets_encrypted == ""


@pytest.mark.parametrize("change", [{"url": "mqtt://elsewhere"}, {"tls": False}])
def test_a_stored_secret_is_not_sent_to_another_place(manager: Any, login_kind: str, change: dict[str, Any]) -> None:
    manager.post(URL, LOGIN)
    answer = manager.patch(f"{URL}roof/", {"settings": change})
    assert "password must be given again" in answer.json()["detail"]
    answer = manager.post(f"{URL}roof/test/", {"settings": change})
    assert "password must be given again" in answer.json()["detail"]
    assert manager.patch(f"{URL}roof/", {"settings": {**change, "password": "new"}}).status_code == 200


@pytest.mark.parametrize("kind", [kind for kind in SENSORS if settings_model(kind).secret_fields()])
def test_each_kind_with_a_secret_has_a_setting_that_says_where_it_goes(kind: str) -> None:
    assert set(Sensor.destinations) & settings_model(kind).model_fields.keys()


def test_secrets_of_a_lost_key_can_be_given_again(manager: Any, login_kind: str) -> None:
    manager.post(URL, LOGIN)
    Sensor.objects.update(secrets_encrypted="damaged")
    assert manager.get(f"{URL}roof/").json()["settings"]["password"] == "***"
    assert "cannot be read" in manager.patch(f"{URL}roof/", {"settings": {"user": "otto"}}).json()["detail"]
    assert manager.patch(f"{URL}roof/", {"settings": {"password": "again"}}).status_code == 200
    assert Sensor.objects.get().stored_secrets() == {"password": "again"}


def test_a_program_is_set_by_the_configuration_file_alone(manager: Any, login_kind: str) -> None:
    with_program = {**LOGIN, "settings": {**LOGIN["settings"], "program": "/bin/sh"}}  # type: ignore[dict-item]
    assert "program is set by the configuration file alone" in manager.post(URL, with_program).json()["detail"]
    manager.post(URL, LOGIN)
    change = {"settings": {"program": "/bin/sh"}}
    assert "configuration file alone" in manager.patch(f"{URL}roof/", change).json()["detail"]
    assert "configuration file alone" in manager.post(f"{URL}roof/test/", change).json()["detail"]
    body = {"kind": "login", "settings": with_program["settings"]}
    assert "configuration file alone" in manager.post(f"{URL}test/", body).json()["detail"]


def test_a_change_restarts_its_process_only_if_it_must(manager: Any) -> None:
    make_sensor()
    manager.patch(f"{URL}balcony/", {"label": "Balcony", "interval_s": 2.0, "settings": {"fault": "none"}})
    assert Sensor.objects.get().revision == 1
    manager.patch(f"{URL}balcony/", {"settings": {"fault": "error"}})
    manager.patch(f"{URL}balcony/", {"interval_s": 5})
    manager.patch(f"{URL}balcony/", {"enabled": False})
    assert Sensor.objects.get().revision == 4
    kinds = list(Event.objects.filter(kind="sensor.changed").order_by("at", "id").values_list("data", flat=True))
    assert [data["changed"] for data in kinds] == [["label"], ["settings.fault"], ["interval_s"], ["enabled"]]


def test_a_sensor_that_is_off_says_so(manager: Any) -> None:
    make_sensor(enabled=False)
    assert manager.get(f"{URL}balcony/").json()["state"] == "off"


def test_a_channel_gets_a_name_limits_and_an_offset(manager: Any) -> None:
    channel = make_channel(make_sensor(), "outdoor/temp", device_label="Simulated")
    url = f"{URL}balcony/channels/{channel.pk}/"
    body = manager.patch(url, {"label": "Mast", "lowest": -40, "highest": 50, "offset": -0.5}).json()
    assert (body["key"], body["label"], body["unit"]) == ("outdoor/temp", "Mast", "°C")
    assert (body["lowest"], body["highest"], body["offset"]) == (-40, 50, -0.5)
    assert (body["value"], body["quality"]) == (None, "missing")
    assert manager.patch(url, {"lowest": None}).json()["lowest"] is None
    assert manager.patch(url, {"label": ""}).json()["label"] == "Simulated"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lowest": 10, "highest": 5}, "highest: The upper limit must be above the lower one."),
        ({"offset": "NaN"}, "offset: "),
        ({"offset": 1e300}, "offset: "),
        ({"offset": None}, "offset: "),
        ({"label": "a\nb"}, "label: "),
        ({"key": "x"}, "key: "),
    ],
)
def test_a_bad_channel_is_refused(manager: Any, change: dict[str, Any], message: str) -> None:
    channel = make_channel(make_sensor())
    answer = manager.patch(f"{URL}balcony/channels/{channel.pk}/", change)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(message)


def test_one_temperature_is_that_of_the_site(manager: Any) -> None:
    sensor = make_sensor()
    first, second = make_channel(sensor, "a", main=True), make_channel(sensor, "b")
    humidity = make_channel(sensor, "h", quantity="humidity")
    assert manager.patch(f"{URL}balcony/channels/{second.pk}/", {"main": True}).json()["main"] is True
    first.refresh_from_db()
    assert first.main is False
    answer = manager.patch(f"{URL}balcony/channels/{humidity.pk}/", {"main": True})
    assert answer.json()["detail"] == "main: Only a temperature can be the temperature of the site."


@pytest.mark.parametrize("number", ["0", "99", "9" * 30])
def test_a_channel_of_another_sensor_does_not_exist(manager: Any, number: str) -> None:
    make_sensor()
    assert manager.patch(f"{URL}balcony/channels/{number}/", {"label": "x"}).status_code == 404


def test_a_list_of_sensors_needs_the_queries_of_one(manager: Any) -> None:
    make_channel(make_sensor())
    manager.get(URL)
    with CaptureQueriesContext(connection) as one:
        manager.get(URL)
    more = [make_sensor(f"s{number}") for number in range(5)]
    assert len([make_channel(sensor, key) for sensor in more for key in "ab"]) == 10
    with CaptureQueriesContext(connection) as many:
        assert len(manager.get(URL).json()["results"]) == 6
    assert len(many) == len(one)


@pytest.mark.parametrize("settings", [{}, {"command": ["echo", "1"]}])
def test_a_sensor_that_runs_a_program_is_refused_before_its_program_is_asked_for(
    manager: Any, settings: dict[str, Any]
) -> None:
    refused = manager.post(URL, {"name": "rain", "kind": "command", "settings": settings})
    assert refused.status_code == 400
    assert refused.json()["detail"].endswith("(`skycam config apply`): it names a program to run.")
