"""The temperatures that sensors measured in the last day, for the dashboard."""

from __future__ import annotations

import time

from monitoring.models import SensorChannel
from monitoring.readings.levels import DAY_S, MINUTE_S
from monitoring.readings.resolution import Resolution
from monitoring.readings.selectors import points_of

COMPUTER = "host"
"""The kind of sensor whose temperatures are those of a processor."""
MAX_CHANNELS = 6
"""More lines than these cannot be told apart on the dashboard; the page Readings has all."""
FIVE_MINUTES = Resolution(MINUTE_S, 300)


def sensor_temperatures() -> dict[str, list[tuple[int, float]]]:
    """Name of a channel -> its means as (seconds since 1970, degrees Celsius), one for each five minutes, oldest first;
    that of the site first. Without hidden channels and those of computers. Two queries."""
    temperatures = SensorChannel.objects.filter(quantity="temperature", hidden=False)
    shown = temperatures.exclude(sensor__kind=COMPUTER).select_related("sensor")
    channels = list(shown.order_by("-main", "sensor__name", "key")[:MAX_CHANNELS])
    now = time.time()
    points = points_of([channel.pk for channel in channels], now - DAY_S, now, FIVE_MINUTES)
    middle = FIVE_MINUTES.bucket_s / 2
    return {
        f"{channel.sensor.display_name}, {channel.display_name}": [
            (round(min(now, point.at_s + middle)), round(point.mean, 2))
            for point in points.get(channel.pk, [])
            if point.mean is not None
        ]
        for channel in channels
    }
