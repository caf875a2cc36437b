"""Sensors at a real MQTT broker: discovery, values, availability and removal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.outgoing import OutgoingGuard
from core.readings.reading import QUANTITIES
from monitoring.models import NotificationChannel, SensorChannel
from monitoring.notifications import home_assistant
from monitoring.notifications.channels.mqtt import MqttSettings
from monitoring.notifications.home_assistant import EXPIRES_S, REPEAT_S, SensorEntity, SensorFeed
from monitoring.notifications.resource import ChannelRequest
from monitoring.notifications.sensor_publishing import SensorPublishing
from monitoring.notifications.services import add_channel
from monitoring.sensor_management.services import remove_sensor
from tests.harness.far_ends.mqtt_broker import MqttBroker, mqtt_broker, subscribed
from tests.harness.rows.sensors import make_sensor
from tests.harness.waiting import eventually

PASSWORD = "s3cret of the broker"
NODE = "skycam_0123456789ab"
DOME = SensorEntity("dome_t_01234567", "Dome Temperature", QUANTITIES["temperature"], 21.4567, "ok")
WIND = SensorEntity("roof_w_01234567", "Roof Wind", QUANTITIES["wind"], None, "missing")
CHILD = """
import sys, time
from core.outgoing import OutgoingGuard
from monitoring.notifications.channels.mqtt import MqttSettings
from monitoring.notifications.home_assistant import SensorFeed
feed = SensorFeed(MqttSettings.model_validate_json(sys.argv[1]), OutgoingGuard(), sys.argv[2], "Skycam")
feed.publish([])
print("published", flush=True)
time.sleep(600)
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MqttBroker]:
    with mqtt_broker(tmp_path, PASSWORD) as found:
        yield found


def settings_for(port: int) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port, tls=False, user="skycam", password=PASSWORD)


@pytest.fixture
def feed(broker: MqttBroker) -> Iterator[SensorFeed]:
    found = SensorFeed(settings_for(broker.port), OutgoingGuard(), NODE, "Skycam")
    yield found
    found.stop()


def status_of(broker: MqttBroker) -> str | None:
    return broker.retained().get(f"skycam/sensors/{NODE}/status")


def configs(broker: MqttBroker) -> dict[str, Any]:
    """Name of an entity -> its discovery message."""
    # An empty one is being removed at this moment.
    found = [json.loads(text) for topic, text in broker.retained().items() if topic.endswith("/config") and text]
    return {config["name"]: config for config in found}


def names(broker: MqttBroker) -> set[str]:
    return set(configs(broker))


def has_state(broker: MqttBroker, entity: SensorEntity) -> bool:
    """The state is what a feed publishes last of an entity."""
    return f"skycam/sensors/{NODE}/{entity.id}" in broker.retained()


def test_home_assistant_discovers_a_sensor_with_its_value(feed: SensorFeed, broker: MqttBroker) -> None:
    feed.publish([DOME])
    eventually(lambda: has_state(broker, DOME))
    config, kept = configs(broker)["Dome Temperature"], broker.retained()
    assert f"homeassistant/sensor/{NODE}/{DOME.id}/config" in kept
    assert (config["device_class"], config["unit_of_measurement"]) == ("temperature", "°C")
    assert json.loads(kept[config["state_topic"]]) == {"state": 21.5, "quality": "ok"}
    assert [kept[one["topic"]] for one in config["availability"][:1]] == ["online"]


def test_a_missing_sensor_has_no_value_and_is_not_available(feed: SensorFeed, broker: MqttBroker) -> None:
    feed.publish([WIND])
    eventually(lambda: has_state(broker, WIND))
    config = configs(broker)["Roof Wind"]
    state = json.loads(broker.retained()[config["state_topic"]])
    assert state == {"state": None, "quality": "missing"}
    assert config["availability"][1]["topic"] == config["state_topic"]
    assert config["availability_mode"] == "all"


def test_a_value_expires_unless_it_is_published_again(
    feed: SensorFeed, broker: MqttBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.publish([DOME])
    eventually(lambda: has_state(broker, DOME))
    config = configs(broker)["Dome Temperature"]
    assert config["expire_after"] == EXPIRES_S > 2 * REPEAT_S
    monkeypatch.setattr(home_assistant, "REPEAT_S", 0.0)
    arrived: dict[str, str] = {}
    with subscribed(broker.port, arrived):
        eventually(lambda: "end" in arrived)
        arrived.clear()
        feed.publish([DOME])
        eventually(lambda: config["state_topic"] in arrived)
    assert list(arrived) == [config["state_topic"]], "the configuration has not changed"


def test_a_removed_sensor_is_removed(feed: SensorFeed, broker: MqttBroker) -> None:
    feed.publish([DOME, WIND])
    eventually(lambda: names(broker) == {"Dome Temperature", "Roof Wind"})
    eventually(lambda: feed.publish([DOME]) and names(broker) == {"Dome Temperature"})
    eventually(lambda: not [topic for topic in broker.retained() if WIND.id in topic])


def test_a_sensor_that_was_removed_while_nothing_ran_is_removed(feed: SensorFeed, broker: MqttBroker) -> None:
    feed.publish([DOME, WIND])
    eventually(lambda: names(broker) == {"Dome Temperature", "Roof Wind"})
    feed.stop()
    eventually(lambda: status_of(broker) == "offline")
    later = SensorFeed(settings_for(broker.port), OutgoingGuard(), NODE, "Skycam")
    eventually(lambda: later.publish([DOME]) and names(broker) == {"Dome Temperature"})
    later.stop()


def test_the_entities_of_another_host_stay(feed: SensorFeed, broker: MqttBroker) -> None:
    feed.publish([DOME])
    other = SensorFeed(settings_for(broker.port), OutgoingGuard(), "skycam_another", "Skycam")
    eventually(lambda: other.publish([WIND]) and names(broker) == {"Dome Temperature", "Roof Wind"})
    other.stop()


def test_everything_is_published_again_to_a_broker_that_has_lost_it(tmp_path: Path) -> None:
    with mqtt_broker(tmp_path, PASSWORD) as first:
        feed = SensorFeed(settings_for(first.port), OutgoingGuard(), NODE, "Skycam")
        feed.publish([DOME])
    with mqtt_broker(tmp_path, PASSWORD, first.port) as second:
        eventually(lambda: feed.publish([DOME]) and names(second) == {"Dome Temperature"})
        eventually(lambda: status_of(second) == "online")
        feed.stop()


def test_a_broker_that_is_away_is_an_error_and_then_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_assistant, "RETRY_S", 3600.0)
    with mqtt_broker(tmp_path, PASSWORD) as gone:
        feed = SensorFeed(settings_for(gone.port), OutgoingGuard(), NODE, "Skycam")
    with pytest.raises(ConnectionRefusedError, match="refused"):
        feed.publish([DOME])
    assert feed.publish([DOME]) is False


def test_a_killed_process_is_offline(broker: MqttBroker) -> None:
    given = settings_for(broker.port).model_dump_json()
    with subprocess.Popen([sys.executable, "-c", CHILD, given, NODE], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"published\n"
        # The client's own thread sends it.
        eventually(lambda: status_of(broker) == "online")
        process.kill()
    eventually(lambda: status_of(broker) == "offline")


def mqtt_channel(port: int) -> NotificationChannel:
    values = {"host": "127.0.0.1", "port": port, "tls": False, "user": "skycam", "password": PASSWORD}
    return add_channel(ChannelRequest(name="home", kind="mqtt", settings=values), "anna")


@pytest.mark.django_db
def test_a_host_publishes_its_own_sensors_over_each_mqtt_channel(broker: MqttBroker) -> None:
    channel = mqtt_channel(broker.port)
    balcony, cellar = make_sensor("balcony"), make_sensor("cellar")
    far = make_sensor("far", host="dome")
    for sensor in (balcony, cellar, far):
        SensorChannel.objects.create(sensor=sensor, key="t", quantity="temperature", label="air")
    part = SensorPublishing("main")
    part.publish()
    eventually(lambda: names(broker) == {"balcony air", "cellar air"})
    remove_sensor(cellar, "anna")
    part.publish()
    eventually(lambda: names(broker) == {"balcony air"})
    NotificationChannel.objects.filter(pk=channel.pk).update(enabled=False)
    part.publish()
    eventually(lambda: "offline" in broker.retained().values())
