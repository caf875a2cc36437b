"""A real mosquitto."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.outgoing import OutgoingGuard
from monitoring.sensors.driver import Sample, SensorDriver, SensorError
from monitoring.sensors.drivers.mqtt import RETAINED_AGE_S, parse_topics
from monitoring.sensors.settings import checked_settings
from tests.harness.far_ends.mosquitto import Mosquitto
from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.waiting import eventually
from tests.monitoring.sensors.far_ends import DEADLINE_S, SHORT_S, driver_of

TOPICS = "balcony/temp=temperature:Balcony, station/json:outside.hum=humidity, +/wind=wind"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture
def driver(broker: Mosquitto) -> Iterator[SensorDriver]:
    driver = driver_of("mqtt", {"host": broker.host, "port": broker.port, "topics": TOPICS})
    driver.open(DEADLINE_S)
    yield driver
    driver.close()


def samples_until(driver: SensorDriver, channel: str) -> list[Sample]:
    """All up to that of `channel`, whose message was published last."""
    found: list[Sample] = []
    eventually(lambda: found.extend(driver.read(DEADLINE_S)) or channel in {sample.channel for sample in found})
    return found


def test_a_number_is_the_value_of_its_topic(driver: SensorDriver, broker: Mosquitto) -> None:
    broker.publish("balcony/temp", " 23.5\n")
    assert driver.read(DEADLINE_S) == [Sample("balcony/temp", "temperature", 23.5, "Balcony")]


def test_a_path_leads_to_a_value_in_json(driver: SensorDriver, broker: Mosquitto) -> None:
    broker.publish("station/json", '{"outside": {"hum": 40}}')
    assert driver.read(DEADLINE_S) == [Sample("station/json:outside.hum", "humidity", 40.0)]


def test_each_topic_of_a_wildcard_is_a_channel(driver: SensorDriver, broker: Mosquitto) -> None:
    broker.publish("roof/wind", "3")
    broker.publish("garden/wind", "2")
    channels = {sample.channel for sample in samples_until(driver, "garden/wind")}
    assert channels == {"roof/wind", "garden/wind"}


def test_of_several_messages_the_newest_counts(driver: SensorDriver, broker: Mosquitto) -> None:
    broker.publish("balcony/temp", "1")
    broker.publish("balcony/temp", "2")
    # The second may arrive after a first reading.
    eventually(lambda: [sample.value for sample in driver.read(DEADLINE_S)] == [2.0])


def test_a_retained_message_is_a_day_old(broker: Mosquitto) -> None:
    broker.publish("balcony/temp", "23.5", retain=True)
    driver = driver_of("mqtt", {"host": broker.host, "port": broker.port, "topics": TOPICS})
    driver.open(DEADLINE_S)
    assert [sample.age_s for sample in driver.read(DEADLINE_S)] == [RETAINED_AGE_S]
    broker.publish("balcony/temp", "24", retain=True)
    assert [sample.age_s for sample in driver.read(DEADLINE_S)] == [0.0]
    driver.close()


@pytest.mark.parametrize(
    "payload",
    [b"", b"nan", b"inf", b"offline", b"\xff\xfe", b"1" * 1_000_000, b'{"a": 1}', b"true", b"1e999"],
    ids=["empty", "nan", "inf", "word", "bytes", "long", "json", "true", "huge"],
)
def test_a_payload_that_is_no_number_has_no_value(driver: SensorDriver, broker: Mosquitto, payload: bytes) -> None:
    broker.publish("balcony/temp", payload)
    broker.publish("roof/wind", "3")
    assert [sample.channel for sample in samples_until(driver, "roof/wind")] == ["roof/wind"]
    broker.publish("balcony/temp", "23.5")
    assert [sample.value for sample in driver.read(DEADLINE_S)] == [23.5]


@pytest.mark.parametrize("payload", ["[" * 60_000, "{}", '{"outside": 4}', '{"outside": {"hum": NaN}}', "40"])
def test_json_without_a_number_at_its_path_has_no_value(driver: SensorDriver, broker: Mosquitto, payload: str) -> None:
    broker.publish("station/json", payload)
    broker.publish("roof/wind", "3")
    assert [sample.channel for sample in samples_until(driver, "roof/wind")] == ["roof/wind"]


def test_a_long_topic_has_a_channel_that_fits(driver: SensorDriver, broker: Mosquitto) -> None:
    broker.publish("\u202e" + "x" * 300 + "/wind", "3")
    broker.publish("\u202e" + "x" * 301 + "/wind", "4")
    broker.publish("roof/wind", "3")
    channels = {sample.channel for sample in samples_until(driver, "roof/wind")} - {"roof/wind"}
    assert len(channels) == 2
    assert all(len(channel) <= 80 and channel.isprintable() for channel in channels)


def test_without_a_message_it_returns_at_the_deadline(driver: SensorDriver) -> None:
    assert driver.read(SHORT_S) == []


def test_a_broker_that_stops_is_an_error_and_read_again_once_it_is_back(
    driver: SensorDriver, broker: Mosquitto
) -> None:
    broker.stop()
    with pytest.raises(SensorError, match=r"The MQTT broker 127\.0\.0\.1:\d+ cannot be used: "):
        driver.read(DEADLINE_S)
    driver.close()
    with pytest.raises(SensorError, match="Connection refused"):
        driver.open(DEADLINE_S)
    broker.start()
    driver.open(DEADLINE_S)
    broker.publish("balcony/temp", "23.5")
    assert [sample.value for sample in driver.read(DEADLINE_S)] == [23.5]


def test_a_broker_that_needs_a_password_gets_it_and_no_error_shows_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "mosquitto", "skycam", "correct") as broker:
        settings = {"host": broker.host, "port": broker.port, "topics": TOPICS, "user": "skycam"}
        driver = driver_of("mqtt", {**settings, "password": "correct"})
        driver.open(DEADLINE_S)
        driver.close()
        with pytest.raises(SensorError, match="refuses the connection") as caught:
            driver_of("mqtt", {**settings, "password": "wrong-secret"}).open(DEADLINE_S)
        assert "wrong-secret" not in str(caught.value)


def test_the_certificate_of_a_broker_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = certificate(tmp_path, "broker.example")
    with Mosquitto(tmp_path / "mosquitto", certificate=pem) as broker:
        settings = {"host": "localhost", "port": broker.port, "topics": TOPICS, "tls": True}
        with pytest.raises(SensorError, match="its certificate is not valid"):
            driver_of("mqtt", settings).open(DEADLINE_S)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        with pytest.raises(SensorError, match="Hostname mismatch"):
            driver_of("mqtt", settings).open(DEADLINE_S)
        driver = driver_of("mqtt", {**settings, "host": "127.0.0.1"})
        driver.open(DEADLINE_S)
        driver.close()


def test_the_guard_of_outgoing_connections_is_asked(broker: Mosquitto) -> None:
    guard = OutgoingGuard(own_ports=[broker.port])
    driver = driver_of("mqtt", {"host": broker.host, "port": broker.port, "topics": TOPICS}, guard)
    with pytest.raises(SensorError, match="leads to a port of the station itself") as caught:
        driver.open(DEADLINE_S)
    assert caught.value.permanent


@pytest.mark.parametrize(
    "topics",
    ["a", "a=colour", "=temperature", "a/#/b=temperature", "a+=temperature", "#a=temperature", "a" * 501 + "=wind"],
)
def test_topics_that_are_none_are_refused(topics: str) -> None:
    with pytest.raises(ValueError, match="topics is not valid"):
        checked_settings("mqtt", {"host": "broker", "topics": topics})


def test_an_entry_of_topics_has_a_path_and_a_label() -> None:
    [found] = parse_topics("home/+/json : a.0.b = temperature : Roof")
    assert (found.topic, found.path, found.source.quantity) == ("home/+/json", "a.0.b", "temperature")
