"""The pages of sensors, without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from monitoring.models import Sensor, SensorChannel
from monitoring.sensors.driver import SENSORS
from tests.harness.clients.pages import text_of
from tests.harness.far_ends.login_sensor import LOGIN_KIND
from tests.harness.rows.sensor_states import publish, reading
from tests.harness.rows.sensors import make_sensor

pytestmark = pytest.mark.django_db
NEW = {
    "kind": "simulated", "name": "balcony", "label": "Balcony", "host": "main", "interval_s": "5",
    "set_temperature": "4.5", "set_amplitude": "", "set_humidity": "60", "set_fault": "none",
}  # fmt: skip


def post(client: Any, path: str, values: dict[str, Any]) -> Any:
    return client.post(path, values, format="multipart")


def make_channel(sensor: Sensor, key: str = "t", **fields: Any) -> SensorChannel:
    return SensorChannel.objects.create(sensor=sensor, key=key, **{"quantity": "temperature", **fields})


def words(answer: Any) -> str:
    """The text of a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", text_of(answer)).split())


def test_an_empty_list_says_what_a_sensor_is(viewer: Any, manager: Any) -> None:
    assert "There is no sensor." in words(viewer.get("/sensors/"))
    assert "A manager can add one." in words(viewer.get("/sensors/"))
    assert "Search for sensors" in words(manager.get("/sensors/"))


def test_a_sensor_is_added_with_the_fields_of_its_kind(manager: Any) -> None:
    assert "Simulated sensor" in words(manager.get("/sensors/add/"))
    assert 'name="set_humidity"' in text_of(manager.get("/sensors/add/?kind=simulated"))
    answer = post(manager, "/sensors/add/", NEW)
    assert answer["Location"] == "/sensors/balcony/"
    sensor = Sensor.objects.get()
    assert (sensor.label, sensor.interval_s, sensor.settings["temperature"]) == ("Balcony", 5.0, 4.5)
    assert sensor.settings["amplitude"] == 5.0
    assert "It has no channels yet." in words(manager.get("/sensors/balcony/"))


def test_a_found_device_fills_in_the_form(manager: Any) -> None:
    page = text_of(manager.get("/sensors/add/?kind=simulated&host=main&set_humidity=41"))
    assert re.search(r'name="set_humidity" value="41"', page)
    assert re.search(r'name="name" value="simulated"', page)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "Balcony!"}, "A name has 1 to 40 lower-case letters"),
        ({"name": "detect"}, "cannot be called detect"),
        ({"interval_s": "0.01"}, "The shortest interval of this kind is 0.1 s."),
        ({"interval_s": "soon"}, "Write a number above 0, at most 86400."),
        ({"interval_s": "0"}, "Write a number above 0, at most 86400."),
        ({"interval_s": ""}, "Write the seconds between two readings."),
        ({"set_humidity": "400"}, "humidity is not valid"),
        ({"host": "nowhere"}, "There is no host"),
        ({"label": "a\u202eb"}, "invisible character"),
    ],
)
def test_an_error_is_shown_at_its_field(manager: Any, change: dict[str, str], sentence: str) -> None:
    answer = post(manager, "/sensors/add/", {**NEW, **change})
    assert answer.status_code == 400
    assert sentence in words(answer)
    assert "Nothing was added." in words(answer)
    assert not Sensor.objects.exists()


def test_an_unknown_kind_is_not_there(manager: Any) -> None:
    assert manager.get("/sensors/add/?kind=thermometer").status_code == 404
    assert post(manager, "/sensors/add/", {"kind": "thermometer"}).status_code == 400
    answer = manager.post("/sensors/test/", {"kind": "thermometer"}, format="multipart", headers={"HX-Request": "true"})
    assert "There is no such kind of sensor." in words(answer)


def test_a_kind_for_the_configuration_file_is_not_offered(manager: Any) -> None:
    page = text_of(manager.get("/sensors/add/"))
    assert ("kind=http" in page, "kind=command" in page) == (True, False)
    assert "added in the configuration file alone" in page
    assert manager.get("/sensors/add/?kind=command").status_code == 404
    assert post(manager, "/sensors/add/", {**NEW, "kind": "command"}).status_code == 400


def test_settings_that_a_form_refuses_are_not_replaced_by_defaults_in_a_test(manager: Any) -> None:
    make_sensor()
    for path in ("/sensors/test/", "/sensors/balcony/test/"):
        answer = manager.post(path, {**NEW, "set_fault": "x"}, format="multipart", headers={"HX-Request": "true"})
        assert "x is not one of the available choices" in words(answer)


def test_a_sensor_of_a_kind_of_another_version_can_be_switched_off(manager: Any) -> None:
    sensor = make_sensor(kind="radio")
    post(manager, "/sensors/balcony/switch/", {"enabled": "no"})
    sensor.refresh_from_db()
    assert not sensor.enabled


def test_a_secret_is_never_in_a_page_and_stays_if_its_field_is_empty(
    manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SENSORS, "login", LOGIN_KIND)
    form = {
        "kind": "login", "name": "roof", "label": "", "host": "main", "interval_s": "2", "set_url": "mqtt://roof",
        "set_user": "anna", "set_password": "p4ssword", "set_retries": "3", "set_tls": "true",
    }  # fmt: skip
    post(manager, "/sensors/add/", form)
    page = text_of(manager.get("/sensors/roof/"))
    assert "p4ssword" not in page
    assert "Leave it empty to keep it." in page
    assert "program is set by the configuration file alone" in page
    post(manager, "/sensors/roof/", {**form, "set_user": "otto", "set_password": ""})
    sensor = Sensor.objects.get()
    assert (sensor.settings["user"], sensor.stored_secrets()) == ("otto", {"password": "p4ssword"})
    answer = post(manager, "/sensors/roof/", {**form, "set_url": "mqtt://elsewhere", "set_password": ""})
    assert "password must be given again, because url changes" in words(answer)


def test_a_required_setting_cannot_be_emptied(manager: Any) -> None:
    broker = {"host": "mqtt.example.org", "topics": "roof=temperature"}
    make_sensor("roof", kind="mqtt", settings=broker)
    form = {"label": "", "host": "main", "interval_s": "2", "set_host": "", "set_topics": ""}
    answer = post(manager, "/sensors/roof/", form)
    assert answer.status_code == 400
    assert "host is missing: Name or address of the broker." in words(answer)
    assert "topics is missing: What is read, such as" in words(answer)
    assert Sensor.objects.get().settings == broker


def test_values_have_units_words_for_their_qualities_and_ages(viewer: Any, valkey: redis.Redis) -> None:
    sensor = make_sensor(label="Balcony")
    rows = [make_channel(sensor, key) for key in ("ok", "stale", "implausible", "missing")]
    publish(*(reading(row.key, quality=row.key) for row in rows))
    for path in ("/sensors/", "/sensors/now/", "/sensors/balcony/", "/sensors/balcony/now/"):
        page = words(viewer.get(path))
        assert "4.2 °C" in page
        assert "Stale, " in page
        assert "4.2 °C Implausible" in page
        assert "Missing" in page
    assert 'data-age="2026-11-24T19:00:02+00:00"' in text_of(viewer.get("/sensors/"))


def test_a_viewer_sees_no_forms(viewer: Any) -> None:
    make_channel(make_sensor())
    page = text_of(viewer.get("/sensors/balcony/"))
    assert "Switch off" not in page
    assert "set_humidity" not in page
    assert viewer.get("/sensors/roof/").status_code == 404


def test_a_channel_is_changed_on_its_page(manager: Any) -> None:
    channel = make_channel(make_sensor(), "outdoor/temp")
    path = f"/sensors/balcony/channels/{channel.pk}/"
    assert "outdoor/temp" in text_of(manager.get(path))
    values = {"label": "Mast", "lowest": "-40", "highest": "", "offset": "-0.5", "main": "on"}
    assert post(manager, path, values)["Location"] == "/sensors/balcony/"
    channel.refresh_from_db()
    assert (channel.label, channel.lowest, channel.highest, channel.offset) == ("Mast", -40.0, None, -0.5)
    assert (channel.main, channel.hidden) == (True, False)
    assert "The upper limit must be above" in words(post(manager, path, {**values, "highest": "-50"}))
    assert "Write a number" in words(post(manager, path, {**values, "offset": ""}))


def test_a_sensor_is_switched_off_and_removed_after_a_question(manager: Any) -> None:
    make_channel(make_sensor())
    post(manager, "/sensors/balcony/switch/", {"enabled": "no"})
    assert "Off" in words(manager.get("/sensors/balcony/"))
    assert "its 1 channel with 0 readings" in words(manager.get("/sensors/balcony/remove/"))
    assert post(manager, "/sensors/balcony/remove/", {})["Location"] == "/sensors/"
    assert manager.get("/sensors/balcony/").status_code == 404


def test_texts_of_devices_and_users_are_escaped(manager: Any, valkey: redis.Redis) -> None:
    bad = "<script>alert(1)</script>"
    make_channel(make_sensor(label=bad), bad, device_label=bad)
    publish(reading(bad, label=bad), message=bad, state="error")
    pages = [text_of(manager.get(path)) for path in ("/sensors/", "/sensors/balcony/", "/", "/sensors/balcony/remove/")]
    assert [page for page in pages if bad in page] == []


def test_without_the_broker_a_test_says_so(manager: Any) -> None:
    make_sensor()
    answer = manager.post("/sensors/balcony/test/", headers={"HX-Request": "true"})
    assert "broker (Valkey or Redis) does not answer" in text_of(answer)
    answer = manager.post("/sensors/detect/", headers={"HX-Request": "true"})
    assert "broker (Valkey or Redis) does not answer" in text_of(answer)


def test_the_dashboard_has_the_channels_that_are_not_hidden(viewer: Any, valkey: redis.Redis) -> None:
    assert 'id="sensors-title"' not in text_of(viewer.get("/"))
    sensor = make_sensor(label="Balcony")
    make_channel(sensor, "shown", label="Mast")
    make_channel(sensor, "hidden", label="Cellar", hidden=True)
    publish(reading("shown"), reading("hidden"))
    page = words(viewer.get("/dashboard/now/"))
    assert "Balcony Mast 4.2 °C" in page
    assert "Cellar" not in page


def test_a_camera_without_a_temperature_shows_that_of_the_site(
    viewer: Any, valkey: redis.Redis, camera: Camera
) -> None:
    assert "not reported" in words(viewer.get("/cameras/sky/"))
    make_sensor()
    publish(reading(main=True))
    assert "site 4.2 °C" in words(viewer.get("/cameras/sky/"))
    assert "site 4.2 °C" in words(viewer.get("/"))
    publish(reading(main=True, quality="stale"))
    assert "not reported" in words(viewer.get("/cameras/sky/"))


def test_a_list_of_sensors_needs_the_queries_of_one(viewer: Any) -> None:
    make_channel(make_sensor())
    viewer.get("/sensors/now/")
    with CaptureQueriesContext(connection) as one:
        viewer.get("/sensors/now/")
    more = [make_sensor(f"s{number}") for number in range(5)]
    assert len([make_channel(sensor, key) for sensor in more for key in "ab"]) == 10
    with CaptureQueriesContext(connection) as many:
        viewer.get("/sensors/now/")
    assert len(many) == len(one)
