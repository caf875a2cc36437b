"""A real MQTT broker on a free port of loopback."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.harness.far_ends.ports import accepts
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually

PROGRAM = "/usr/sbin/mosquitto"


class Mosquitto:
    """`user` and `password`, if given, are needed by all clients. `certificate` is a file with a key and its
    certificate: then `port` speaks TLS."""

    def __init__(self, folder: Path, user: str = "", password: str = "", certificate: Path | None = None) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self._folder, self._user, self._password = folder, user, password
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Again after `stop`, on the same port. Returns when it accepts connections."""
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text("\n".join(self._configuration()) + "\n")
        with open(self._folder / "mosquitto.log", "ab") as log:
            self._process = subprocess.Popen([PROGRAM, "-c", str(configuration)], stdout=log, stderr=log)
        eventually(lambda: accepts(self.port), (self._folder / "mosquitto.log").read_text)

    def stop(self) -> None:
        """The broker is gone; its clients notice it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(timeout=PATIENCE_S)

    close = stop

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Returns once the broker has it."""
        with Connection(self) as connection:
            connection.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def collect(self, *topics: str) -> Collected:
        """Messages of these topics from now on, and the retained ones."""
        return Collected(self, topics)

    def connect(self, client: Client) -> None:
        if self._user:
            client.username_pw_set(self._user, self._password)
        if self._certificate:
            client.tls_set(str(self._certificate))
        client.connect(self.host, self.port)

    def _configuration(self) -> list[str]:
        # As this user: mosquitto would change to its own, which cannot read the folder.
        lines = ["user root", f"listener {self.port} {self.host}", "persistence false"]
        if self._user:
            passwords = self._folder / "passwords"
            passwords.touch(mode=0o600)
            subprocess.run(["mosquitto_passwd", "-b", str(passwords), self._user, self._password], check=True)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        else:
            lines.append("allow_anonymous true")
        if self._certificate:
            lines += [f"certfile {self._certificate}", f"keyfile {self._certificate}"]
        return lines


class Connection:
    """A client with a thread of its own."""

    def __init__(self, broker: Mosquitto) -> None:
        self.client = Client(CallbackAPIVersion.VERSION2)
        self._broker = broker

    def __enter__(self) -> Self:
        self._broker.connect(self.client)
        self.client.loop_start()
        eventually(self.client.is_connected)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Collected(Connection):
    """`messages` are (topic, payload), in their order."""

    def __init__(self, broker: Mosquitto, topics: tuple[str, ...]) -> None:
        super().__init__(broker)
        self.messages: list[tuple[str, bytes]] = []
        self._topics, self._subscribed = topics, threading.Event()
        self.client.on_message = self._keep
        self.client.on_subscribe = lambda *_: self._subscribed.set()

    def __enter__(self) -> Self:
        super().__enter__()
        self.client.subscribe([(topic, 1) for topic in self._topics])
        assert self._subscribed.wait(PATIENCE_S)
        return self

    def _keep(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload)))
