"""The newest readings in the broker, as metrics, and as notices for open pages and programs.
`<station>:sensors:<host>` is a list of `SensorState` as JSON, rewritten each second and kept for 5 s. A host that has
ended has none: its sensors are missing. `<station>:sensor-hosts` is the set of hosts that have written one."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypedDict, cast, get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from core.broker import broker
from core.broker.broker import BrokerDown
from core.broker.notices import NoticeKind
from core.outages import describe_failure
from core.periodic.thread import PeriodicThread
from core.readings.reading import QUANTITIES, Quality, SensorState

log = logging.getLogger(__name__)
LIFE_S = 5
HOSTS = "sensor-hosts"


class LatestPublisher:
    """Publishes on a thread of its own: a broker that hangs delays nothing else."""

    def __init__(self, host: str, states: Callable[[], list[SensorState]]) -> None:
        self._host, self._states = host, states
        self._is_away = False
        self._thread = PeriodicThread("latest-readings", self.publish)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._thread.wake()

    def stop(self) -> None:
        self._thread.stop(2.0)

    def publish(self) -> None:
        try:
            with broker.connection().pipeline(transaction=False) as commands:
                commands.set(broker.key("sensors", self._host), json.dumps(self._states()), ex=LIFE_S)
                commands.sadd(broker.key(HOSTS), self._host)
                commands.execute()
            self._is_away = False
        except broker.UNREACHABLE as error:
            if not self._is_away:
                log.warning("The newest readings are not shown while the broker is away: %s.", describe_failure(error))
            self._is_away = True


def read_latest() -> dict[str, SensorState]:
    """Sensor's name -> what its host says of it. A sensor whose host says nothing is not in it. BrokerDown."""
    with broker.reachable() as connection:
        hosts = sorted(cast(set[str], connection.smembers(broker.key(HOSTS))))
        found = cast(list[str | None], connection.mget([broker.key("sensors", one) for one in hosts])) if hosts else []
    states: list[SensorState] = [state for text in found for state in json.loads(text or "[]")]
    return {state["sensor"]: state for state in states}


def sensor_metrics(_user: Any = None) -> Iterator[Metric]:
    """A channel has a value only while its quality is ok; without the broker nothing is known. Everyone who may read
    metrics may see sensors."""
    try:
        latest = read_latest()
    except BrokerDown:
        return
    temperatures = GaugeMetricFamily(
        "skycam_sensor_temperature_celsius", "Temperature that a sensor measures.", labels=["sensor", "channel"]
    )
    values = GaugeMetricFamily(
        "skycam_sensor_value",
        "What a sensor measures, in the unit of the quantity.",
        labels=["sensor", "channel", "quantity", "unit"],
    )
    qualities = GaugeMetricFamily(
        "skycam_sensor_channels",
        "Channels of a sensor by the quality of their newest reading.",
        labels=["sensor", "quality"],
    )
    for name, state in latest.items():
        numbers = Counter(channel["quality"] for channel in state["channels"])
        for quality in get_args(Quality):
            qualities.add_metric([name, quality], numbers[quality])
        for channel in state["channels"]:
            # Without those that only a newer host knows: their unit is not known here.
            if channel["quality"] != "ok" or channel["value"] is None or channel["quantity"] not in QUANTITIES:
                continue
            if channel["quantity"] == "temperature":
                temperatures.add_metric([name, channel["channel"]], channel["value"])
            unit = QUANTITIES[channel["quantity"]].unit
            values.add_metric([name, channel["channel"], channel["quantity"], unit], channel["value"])
    yield from (temperatures, values, qualities)


class ReadingBody(TypedDict):
    """`value` is null while the channel is missing."""

    sensor: str
    channel: str
    quantity: str
    value: float | None
    quality: str
    at: str


class ReadingsNotice(TypedDict):
    readings: list[ReadingBody]


READINGS: NoticeKind[ReadingsNotice] = NoticeKind("readings")
