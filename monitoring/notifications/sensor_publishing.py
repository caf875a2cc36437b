"""`SensorPublishing`: publishes the sensors of a host over the MQTT channels with discovery, in its jobs part."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from pydantic import ValidationError

from core.background import FAILURES
from core.changes import read_again
from core.periodic.thread import PeriodicThread
from core.secrets import DecryptionFailed
from core.station_settings import station_name
from core.text.names import readable
from monitoring.models import NotificationChannel, Sensor, SensorChannel
from monitoring.notifications.channels.mqtt import MqttSettings, describe_failure, topic_part
from monitoring.notifications.home_assistant import CONNECT_S, SensorEntity, SensorFeed
from monitoring.notifications.sending import settings_of
from monitoring.sensor_management.selectors import with_status

log = logging.getLogger(__name__)
TASK = "home-assistant"


class SensorPublishing:
    """Each host publishes its own sensors, so that two hosts never write the same topic. The values are those of the
    pages: a sensor whose part has ended is missing within seconds."""

    def __init__(self, host: str, every_s: float | None = None) -> None:
        self._host = host
        self._feeds: dict[UUID, SensorFeed] = {}
        self._failing = set[UUID]()
        self._thread = PeriodicThread(TASK, self.publish, interval_s=every_s, at_end=self._stop_feeds)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(3.0)

    def publish(self) -> None:
        wanted = dict(wanted_channels())
        station = station_name()
        for pk, feed in list(self._feeds.items()):
            if wanted.get(pk) != feed.settings or station != feed.station:
                feed.stop()
                del self._feeds[pk]
        if not wanted:
            return
        read_again()  # the values are not in the database
        sensors = with_status(Sensor.objects.filter(removed_at=None, host=self._host).order_by("name"))
        entities = [entity_of(sensor, channel) for sensor in sensors for channel in sensor.channels.all()]
        for pk, found in wanted.items():
            if pk not in self._feeds:
                self._feeds[pk] = SensorFeed(found, settings.STATION.outgoing, node_of(pk, self._host), station)
            self._publish_to(pk, entities)

    def _publish_to(self, pk: UUID, entities: list[SensorEntity]) -> None:
        feed = self._feeds[pk]
        try:
            if feed.publish(entities):
                self._failing.discard(pk)
        except (OSError, ValueError, RuntimeError) as failure:
            FAILURES.labels(TASK).inc()
            if pk not in self._failing:
                reason = describe_failure(failure, CONNECT_S)
                log.warning("%s: the sensors are not published. %s", feed.settings.host, reason)
            self._failing.add(pk)

    def _stop_feeds(self) -> None:
        for feed in self._feeds.values():
            feed.stop()


def wanted_channels() -> Iterator[tuple[UUID, MqttSettings]]:
    """The channels that publish sensors. One whose settings cannot be read says so when it sends."""
    for channel in NotificationChannel.objects.filter(kind="mqtt", enabled=True):
        try:
            found = settings_of(channel)
        except (DecryptionFailed, ValidationError):
            continue
        if isinstance(found, MqttSettings) and found.discovery:
            yield channel.pk, found


def node_of(channel: UUID, host: str) -> str:
    """Not by names: another station at the same broker may have the same ones, and a name may change."""
    return f"skycam_{hashlib.sha256(f'{channel}/{host}'.encode()).hexdigest()[:12]}"


def entity_of(sensor: Sensor, channel: SensorChannel) -> SensorEntity:
    exact = hashlib.sha256(f"{channel.key}/{channel.quantity}".encode()).hexdigest()[:8]
    return SensorEntity(
        id=f"{topic_part(sensor.name)}_{topic_part(channel.key)[:40]}_{exact}",
        name=readable(f"{sensor.display_name} {channel.display_name}"),
        quantity=channel.unit,
        value=channel.value,
        quality=channel.quality,
    )
