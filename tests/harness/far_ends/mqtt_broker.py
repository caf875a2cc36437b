"""A real mosquitto on a random port of loopback, and what it has got."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.harness.far_ends.ports import accepts
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually

MOSQUITTO = "/usr/sbin/mosquitto"


class MqttBroker:
    """`received` is topic -> the last content."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received: dict[str, str] = {}

    def retained(self) -> dict[str, str]:
        """What a client that connects now gets."""
        found: dict[str, str] = {}
        with subscribed(self.port, found):
            eventually(lambda: "end" in found)
        return {topic: text for topic, text in found.items() if topic != "end"}


@contextmanager
def subscribed(port: int, found: dict[str, str]) -> Iterator[Client]:
    """`end` is published after the subscription, so that whatever was retained has arrived before it."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("reader", "reader")
    client.on_message = lambda _client, _data, message: found.__setitem__(message.topic, message.payload.decode())
    client.on_subscribe = lambda *_: client.publish("end", "1") and None
    client.connect("127.0.0.1", port)
    client.subscribe("#", qos=1)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def mqtt_broker(folder: Path, password: str = "reader", port: int = 0) -> Iterator[MqttBroker]:
    """A broker whose users are `reader` and `skycam`, on `port`, or a free one."""
    port = port or free_port()
    passwords, config = folder / "passwords", folder / "mosquitto.conf"
    passwords.touch(mode=0o600)
    for user, secret in (("reader", "reader"), ("skycam", password)):
        subprocess.run(["mosquitto_passwd", "-b", passwords, user, secret], check=True, capture_output=True)
    owner = f"user {folder.owner()}\n"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n{owner}")
    process = subprocess.Popen([MOSQUITTO, "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: accepts(port))
        yield MqttBroker(port)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
