"""Topics of an MQTT broker. Only this module imports paho. Django-free."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.outgoing import AddressRefused, OutgoingGuard
from core.outgoing_request import wrap_tls
from monitoring.sensors.driver import Sample, SensorDriver, SensorError, SettingsAt
from monitoring.sensors.values import ValueSource, channel_of, parse_json, parse_sources, value_at, value_of

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

PORT, TLS_PORT = 1883, 8883
KEEPALIVE_S = 300
"""The network is only served while the sensor is read: a longer interval makes the broker close the connection."""
PAYLOAD_BYTES = 64 * 1024
TOPIC_LENGTH = 500
SETTLE_S = 0.1
"""How long the messages of one reading may take after its first."""
LOOP_S = 0.5
RETAINED_AGE_S = 86_400.0
"""A broker does not say how old a retained message is: it counts as a day old, and so as stale."""


@dataclass(frozen=True, slots=True)
class TopicSource:
    """`path` leads to the value in a JSON payload; if it is empty, the payload is the value."""

    topic: str
    path: str
    source: ValueSource


class MqttSensor(SensorDriver):
    """Each topic is a channel, with the path if there is one; of a topic with wildcards, each that it stands for. The
    newest value of each counts."""

    settings_model = SettingsAt("monitoring.sensors.settings.MqttSettings")
    sends_by_itself = True

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        super().__init__(settings, guard)
        self._sources = parse_topics(settings["topics"])
        self._client: Client | None = None
        self._newest: dict[str, Sample] = {}
        self._failure = ""
        self._pending_subscriptions: set[int] = set()
        self._is_connected = False

    @property
    def _port(self) -> int:
        return int(self.settings["port"]) or (TLS_PORT if self.settings["tls"] else PORT)

    def open(self, deadline_s: float) -> None:
        self.close()
        until = time.monotonic() + deadline_s
        client = self._client = self._new_client(deadline_s)
        self._failure, self._is_connected = "", False
        try:
            client.connect(self.settings["host"], self._port, KEEPALIVE_S)
        except AddressRefused as error:
            raise SensorError(f"The address of the broker {error}", permanent=True) from error
        except ssl.SSLCertVerificationError as error:
            raise self._error(f"its certificate is not valid ({error.verify_message})") from error
        except (OSError, ValueError) as error:
            raise self._error(getattr(error, "strerror", None) or type(error).__name__) from error
        self._loop_until(lambda: self._is_connected, until)
        topics = sorted({source.topic for source in self._sources})
        _, number = client.subscribe([(topic, 0) for topic in topics])
        self._pending_subscriptions = {number} if number is not None else set()
        self._loop_until(lambda: not self._pending_subscriptions, until)

    def read(self, deadline_s: float) -> list[Sample]:
        until = time.monotonic() + deadline_s
        while (left_s := until - time.monotonic()) > 0:
            had = bool(self._newest)
            self._loop(min(left_s, LOOP_S))
            if self._newest and not had:
                until = min(until, time.monotonic() + SETTLE_S)
        samples, self._newest = list(self._newest.values()), {}
        return samples

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            # Sends what disconnect() has queued, and closes the socket.
            client.loop(0.0)

    def _new_client(self, deadline_s: float) -> Client:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        guard, is_encrypted, until = self.guard, self.settings["tls"], time.monotonic() + deadline_s

        class GuardedClient(Client):
            """Connects to the address that the guard has checked; TLS still verifies the name of the host."""

            def _create_socket_connection(self) -> socket.socket:
                connection = guard.connect(self.host, self.port, deadline_s)
                # A connection that died without a word is noticed within a minute, however rarely it is read.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option, seconds in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3)):
                    connection.setsockopt(socket.IPPROTO_TCP, option, seconds)
                # Not the library's TLS: it leaves the connection open if the certificate is wrong.
                return wrap_tls(connection, self.host, until) if is_encrypted else connection

        client = GuardedClient(CallbackAPIVersion.VERSION2)
        client.connect_timeout = deadline_s
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if self.settings["user"]:
            client.username_pw_set(self.settings["user"], self.settings["password"] or None)
        return client

    def _loop(self, timeout_s: float) -> None:
        assert self._client is not None
        from paho.mqtt.client import MQTT_ERR_SUCCESS, error_string

        code = self._client.loop(timeout_s)
        if code != MQTT_ERR_SUCCESS or self._failure:
            raise self._error(self._failure or error_string(code).rstrip("."))

    def _loop_until(self, is_done: Callable[[], bool], until: float) -> None:
        while not is_done():
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise self._error("it does not answer")
            self._loop(min(left_s, LOOP_S))

    def _error(self, why: str) -> SensorError:
        where = f"{self.settings['host']}:{self._port}"
        return SensorError(f"The MQTT broker {where} cannot be used: {why}. Check that it runs, and the settings.")

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._is_connected = not reason.is_failure
        if reason.is_failure:
            self._failure = f"it refuses the connection ({reason}); look at `user` and `password`"

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._failure = self._failure or f"it closed the connection ({reason})"

    def _on_subscribe(self, _client: Any, _data: Any, number: int, reasons: Any, _properties: Any) -> None:
        self._pending_subscriptions.discard(number)
        if any(reason.is_failure for reason in reasons):
            self._failure = "it refuses to send one of the topics; look at the rights of `user`"

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        for sample in self._samples(message):
            self._newest[sample.channel] = sample

    def _samples(self, message: MQTTMessage) -> Iterator[Sample]:
        """Those of one message. What is no number, or too long, has none: other programs send what they like."""
        from paho.mqtt.client import topic_matches_sub

        if len(message.payload) > PAYLOAD_BYTES:
            return
        age_s = RETAINED_AGE_S if message.retain else 0.0
        for wanted in self._sources:
            value = payload_value(message.payload, wanted)
            if value is not None and topic_matches_sub(wanted.topic, message.topic):
                name = f"{message.topic}:{wanted.path}" if wanted.path else message.topic
                yield Sample(channel_of(name), wanted.source.quantity, value, wanted.source.label, age_s)


def payload_value(payload: bytes | bytearray, wanted: TopicSource) -> float | None:
    try:
        found = value_at(parse_json(bytes(payload)), wanted.path) if wanted.path else payload.decode()
        return value_of(found, wanted.source.quantity)
    except ValueError:
        return None


def parse_topics(text: str) -> list[TopicSource]:
    """The entries of `topic[:path]=quantity[:label], ...`. ValueError with a sentence."""
    found = []
    for source in parse_sources(text, "topics"):
        topic, _, path = (part.strip() for part in source.name.partition(":"))
        if not is_topic_filter(topic):
            raise ValueError(
                "topics is not valid; a topic is one such as station/temp, where + stands for one level, and # at its"
                " end for all that follow."
            )
        found.append(TopicSource(topic, path, source))
    return found


def is_topic_filter(topic: str) -> bool:
    levels = topic.split("/")
    has_wild_parts = any(len(level) > 1 and set(level) & {"+", "#"} for level in levels)
    return bool(topic) and len(topic) <= TOPIC_LENGTH and not has_wild_parts and "#" not in levels[:-1]
