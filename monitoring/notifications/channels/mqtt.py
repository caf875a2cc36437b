"""MQTT: the state of each alert as a retained message, with Home Assistant's discovery. Django-free."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from core.outgoing import AddressRefused, OutgoingGuard, connect_endpoint
from core.resources.fields import field
from core.text.names import readable
from monitoring.notifications.channels.base import (
    Channel,
    ChannelSettings,
    OptionalText,
    Port,
    Secret,
    SendResult,
    Text,
)
from monitoring.notifications.message import Notification, NotifiedAlert
from monitoring.webhooks.client import resolve_within

if TYPE_CHECKING:
    from paho.mqtt.client import Client

Topic = Annotated[Text, Field(pattern=r"^[^+#/][^+#]*$")]
UNSAFE = re.compile(r"[^a-zA-Z0-9_-]+")


class MqttSettings(ChannelSettings):
    destination: ClassVar = ("host", "port", "tls")
    host: Annotated[Text, Field(pattern=r"^[A-Za-z0-9.:_%-]+$")]
    port: Port = 8883
    tls: bool = field(True, title="TLS")
    user: OptionalText = ""
    password: Secret = ""
    topic: Topic = "skycam"
    discovery: bool = field(True, title="Home Assistant discovery")
    discovery_prefix: Topic = "homeassistant"


class MqttChannel(Channel[MqttSettings]):
    settings_model: ClassVar = MqttSettings
    tls: ssl.SSLContext | None = None
    """None: verifies certificates with those of the system."""

    def send(self, notification: Notification) -> SendResult:
        until = time.monotonic() + self.deadline_s
        try:
            client = connect_client(self.settings, self.guard, until, self.tls)
        except (OSError, ValueError) as failure:
            return SendResult(describe_failure(failure, self.deadline_s))
        try:
            return self._publish_all(client, notification, until)
        except (OSError, ValueError, RuntimeError) as failure:
            return SendResult(describe_failure(failure, self.deadline_s))
        finally:
            # OSError: the broker has closed the connection already.
            with contextlib.suppress(OSError):
                client.disconnect()
            client.loop_stop()

    def _publish_all(self, client: Client, notification: Notification, until: float) -> SendResult:
        messages = list(self.messages(notification))
        sent = [client.publish(topic, content, qos=1, retain=retain) for topic, content, retain in messages]
        for one in sent:
            one.wait_for_publish(max(0.0, until - time.monotonic()))
            if not one.is_published():
                raise TimeoutError
        return SendResult("", f"{self.settings.host} confirmed {len(sent)} messages.")

    def messages(self, notification: Notification) -> list[tuple[str, str, bool]]:
        """Topic, content, and whether the broker keeps the message."""
        settings, station = self.settings, topic_part(notification.station)
        found: list[tuple[str, str, bool]] = []
        for alert in notification.alerts:
            unique = alert_id(station, alert.key)
            state_topic = f"{settings.topic}/{station}/alerts/{unique}"
            if settings.discovery:
                config = discovery_config(
                    unique, one_name(alert), "problem", "", state_topic, notification.station, is_binary=True
                )
                topic = f"{settings.discovery_prefix}/binary_sensor/{unique}/config"
                found.append((topic, json.dumps(config), True))
            found.append(
                (state_topic, json.dumps({**alert.body(), "state": state_of(alert), "alert_state": alert.state}), True)
            )
        body = json.dumps(notification.body())
        # Not kept: a program that starts later must not take an old message for a new one.
        return [*found, (f"{settings.topic}/{station}/notifications", body, False)]


def connect_client(
    settings: MqttSettings, guard: OutgoingGuard, until: float, tls: ssl.SSLContext | None = None,
    prepare: Callable[[Client], object] = lambda _client: None,
) -> Client:  # fmt: skip
    """A client that the broker has accepted, served by a thread of its own. It does not connect again by itself.
    `prepare` is called before it connects. OSError; ValueError for an address that the guard refuses."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    class GuardedClient(Client):
        def _create_socket_connection(self) -> socket.socket:
            # paho would resolve the name itself, and connect to an address that was not checked.
            endpoint = resolve_within(guard, settings.host, settings.port, until)
            return connect_endpoint(endpoint, max(0.1, until - time.monotonic()))

    client = GuardedClient(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    if settings.tls:
        client.tls_set_context(tls or ssl.create_default_context())
    if settings.user:
        client.username_pw_set(settings.user, settings.password)
    client.connect_timeout = max(0.1, until - time.monotonic())
    answers: list[Any] = []
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(reason)
    prepare(client)
    client.connect(settings.host, settings.port, keepalive=60)
    client.loop_start()
    while not answers:
        if time.monotonic() >= until:
            client.loop_stop()
            raise TimeoutError
        time.sleep(0.01)
    if answers[0].is_failure:
        client.loop_stop()
        raise ConnectionRefusedError(0, f"{answers[0]}")
    return client


def describe_failure(failure: Exception, deadline_s: float) -> str:
    match failure:
        case AddressRefused():
            return f"The address {failure}"
        case TimeoutError():
            return f"The MQTT broker did not answer within {deadline_s:g} s."
        case ssl.SSLCertVerificationError():
            return f"The certificate of the MQTT broker is not valid ({failure.verify_message})."
        case OSError():
            said = readable(str(failure.strerror or type(failure).__name__))
            return f"The MQTT broker cannot be reached, or refused ({said})."[:500]
    return f"The message could not be published ({type(failure).__name__})."


def state_of(alert: NotifiedAlert) -> str:
    return "OFF" if alert.state == "resolved" else "ON"


def one_name(alert: NotifiedAlert) -> str:
    return readable(alert.key)


def topic_part(text: str) -> str:
    """A level of a topic: no separator and no wildcard."""
    return UNSAFE.sub("-", text).strip("-").lower() or "station"


def alert_id(station: str, key: str) -> str:
    """The same for each alert of this key. With a hash: two keys may differ only in characters that a topic has not."""
    return f"skycam_{station}_{topic_part(key)[:60]}_{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def discovery_config(
    unique_id: str, name: str, device_class: str, unit: str, state_topic: str, station: str, *, is_binary: bool
) -> dict[str, Any]:
    """The message by which Home Assistant adds an entity; also for sensors. The state topic has JSON with `state`.

    Source: home-assistant.io, MQTT discovery.
    """
    config: dict[str, Any] = {
        "unique_id": unique_id, "object_id": unique_id, "name": name, "state_topic": state_topic,
        "value_template": "{{ value_json.state }}", "json_attributes_topic": state_topic,
        "device": {"identifiers": [f"skycam_{topic_part(station)}"], "name": station, "manufacturer": "Skycam"},
        "origin": {"name": "Skycam"},
    }  # fmt: skip
    optional = {"device_class": device_class, "unit_of_measurement": "" if is_binary else unit}
    return {**config, **{key: value for key, value in optional.items() if value}}
