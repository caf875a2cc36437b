"""Answers requests for readings."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.conf import settings

from core.times.timestamps import stamp
from monitoring.models import SensorChannel
from monitoring.readings.bodies import ReadingsBody, channel_readings_body
from monitoring.readings.levels import DAY_S, MINUTE_S, TEN_MINUTES_S
from monitoring.readings.requests import ReadingQuery
from monitoring.readings.resolution import Resolution, Wanted, choose_resolution
from monitoring.readings.selectors import points_of, with_gaps

MAX_CHANNELS = 100
"""Channels of one answer."""


def readings(query: ReadingQuery) -> ReadingsBody:
    """The points of the channels, with gaps. Two queries."""
    found = list(query.channels()[: MAX_CHANNELS + 1])
    channels = found[:MAX_CHANNELS]
    start_s, end_s = query.span()
    resolution = resolution_of(query, channels)
    points = points_of([channel.pk for channel in channels], start_s, end_s, resolution)
    return {
        "from": stamp(datetime.fromtimestamp(start_s, UTC)),
        "to": stamp(datetime.fromtimestamp(end_s, UTC)),
        "bucket_s": resolution.bucket_s,
        "source": resolution.source,
        "complete": len(found) <= MAX_CHANNELS,
        "channels": [
            channel_readings_body(
                channel, with_gaps(points.get(channel.pk, []), resolution.bucket_s, channel.sensor.interval_s)
            )
            for channel in channels
        ],
    }


def resolution_of(query: ReadingQuery, channels: list[SensorChannel]) -> Resolution:
    start_s, end_s = query.span()
    kept = settings.STATION.monitoring.readings
    days = {0: kept.raw_days, MINUTE_S: kept.minute_days, TEN_MINUTES_S: kept.minute_days}
    return choose_resolution(
        Wanted(
            span_s=end_s - start_s,
            age_s=time.time() - start_s,
            intervals_s=[channel.sensor.interval_s for channel in channels],
            kept_s={level: number * DAY_S for level, number in days.items() if number},
            bucket_s=query.bucket,
            limit=query.limit,
        )
    )
