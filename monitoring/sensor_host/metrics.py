"""The newest readings of sensors as metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from core.broker.broker import BrokerDown
from core.readings.latest import read_latest
from core.readings.reading import Quality
from monitoring.sensors.quantities import QUANTITIES


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
