"""`SensorFeed`: the sensors of a host at one MQTT broker, as Home Assistant finds them. Django-free."""

from __future__ import annotations

import contextlib
import json
import math
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.outgoing import OutgoingGuard
from core.readings.reading import Quantity
from monitoring.notifications.channels.mqtt import MqttSettings, connect_client, discovery_config

if TYPE_CHECKING:
    from paho.mqtt.client import Client

CONNECT_S = 5.0
RETRY_S = 60.0
"""Between two attempts to reach a broker: one that hangs must not delay the others each time."""
REPEAT_S, EXPIRES_S = 30.0, 120
"""A state is published again after REPEAT_S. Home Assistant takes one that is older than EXPIRES_S as unavailable: the
database, or this part, may hang while the connection lasts."""
ONLINE, OFFLINE = "online", "offline"
IS_THERE = "{{ 'offline' if value_json.quality == 'missing' else 'online' }}"


@dataclass(frozen=True, slots=True)
class SensorEntity:
    """A channel of a sensor. `id` has only letters, digits, - and _. `value` is None while none is known."""

    id: str
    name: str
    quantity: Quantity
    value: float | None
    quality: str


class SensorFeed:
    """Publishes what has changed, and each state now and then. Only one thread calls it.

    All messages are retained, so that Home Assistant has them after a restart. `node` is the feed's own part of the
    topics: what the broker has there, and what is no entity any more, is removed. So the broker itself is the list of
    what was published, also by a process that was killed.
    """

    def __init__(
        self, settings: MqttSettings, guard: OutgoingGuard, node: str, station: str, tls: ssl.SSLContext | None = None
    ) -> None:
        self.settings, self.station = settings, station
        self._guard, self._node, self._tls = guard, node, tls
        self._topic = f"{settings.topic}/sensors/{node}"
        self._discovery = f"{settings.discovery_prefix}/sensor/{node}"
        self._client: Client | None = None
        self._retry_at = float("-inf")
        self._sent: dict[str, tuple[str, float]] = {}
        """Topic -> what was published over this connection, and when."""
        self._at_broker = set[str]()
        """Ids of entities that the broker has. The client's thread adds what was published earlier."""

    @property
    def status_topic(self) -> str:
        """`offline` by the broker itself when this process or its machine ends."""
        return f"{self._topic}/status"

    def publish(self, entities: Sequence[SensorEntity]) -> bool:
        """False while it waits for its next attempt to connect. OSError, ValueError and RuntimeError when the broker
        cannot be reached."""
        if self._client is None or not self._client.is_connected():
            if time.monotonic() < self._retry_at:
                return False
            self._connect()
        for entity in entities:
            self._send(f"{self._discovery}/{entity.id}/config", self._configuration(entity))
            self._send(f"{self._topic}/{entity.id}", state_of(entity), REPEAT_S)
            self._at_broker.add(entity.id)
        for gone in sorted({*self._at_broker} - {entity.id for entity in entities}):
            self._send(f"{self._discovery}/{gone}/config", "")
            self._send(f"{self._topic}/{gone}", "")
        return True

    def stop(self) -> None:
        """The entities stay, as unavailable."""
        if self._client is None:
            return
        # The broker may be away already, and has said it then.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._client.publish(self.status_topic, OFFLINE, qos=1, retain=True).wait_for_publish(1.0)
            self._client.disconnect()
        self._client.loop_stop()
        self._client = None

    def _connect(self) -> None:
        self._retry_at = time.monotonic() + RETRY_S
        if self._client is not None:
            self._client.loop_stop()
            self._client = None
        self._sent, self._at_broker = {}, set()
        client = connect_client(self.settings, self._guard, time.monotonic() + CONNECT_S, self._tls, self._prepare)
        # QoS 0: of others mosquitto queues a thousand, and drops the rest.
        client.subscribe(f"{self._discovery}/+/config", qos=0)
        client.publish(self.status_topic, ONLINE, qos=1, retain=True)
        self._client, self._retry_at = client, float("-inf")

    def _prepare(self, client: Client) -> None:
        client.will_set(self.status_topic, OFFLINE, qos=1, retain=True)
        client.on_message = self._on_message

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        entity = message.topic.split("/")[-2]
        # An empty message has removed it.
        (self._at_broker.add if message.payload else self._at_broker.discard)(entity)

    def _send(self, topic: str, content: str, repeat_s: float = math.inf) -> None:
        """Unless it was sent within `repeat_s`."""
        sent, sent_at = self._sent.get(topic, (None, -math.inf))
        if sent != content or time.monotonic() - sent_at >= repeat_s:
            assert self._client
            self._client.publish(topic, content, qos=1, retain=True)
            self._sent[topic] = (content, time.monotonic())

    def _configuration(self, entity: SensorEntity) -> str:
        state_topic, quantity = f"{self._topic}/{entity.id}", entity.quantity
        unique = f"{self._node}_{entity.id}"
        config = discovery_config(
            unique, entity.name, quantity.device_class, quantity.unit, state_topic, self.station, is_binary=False
        )
        availability = [{"topic": self.status_topic}, {"topic": state_topic, "value_template": IS_THERE}]
        more = {
            "state_class": "measurement",
            "expire_after": EXPIRES_S,
            "availability": availability,
            "availability_mode": "all",
        }
        return json.dumps({**config, **more})


def state_of(entity: SensorEntity) -> str:
    value = None if entity.value is None else round(entity.value, entity.quantity.digits)
    return json.dumps({"state": value, "quality": entity.quality})
