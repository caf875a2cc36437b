"""What a host says of its sensors, as it is in the broker."""

from __future__ import annotations

import json
from typing import Any

from core.broker import broker
from core.readings.latest import HOSTS

SINCE, AT = "2026-11-24T19:00:00.000Z", "2026-11-24T19:00:02.000Z"


def reading(key: str = "t", **changes: Any) -> dict[str, Any]:
    """The newest reading of a channel, 4.25 °C."""
    return {
        "channel": key, "quantity": "temperature", "label": key, "main": False, "value": 4.25, "quality": "ok",
        "at": AT, **changes,
    }  # fmt: skip


def publish(*readings: dict[str, Any], host: str = "main", sensor: str = "balcony", **changes: Any) -> None:
    """The host says this of its one sensor. It is kept until the broker ends."""
    state = {
        "sensor": sensor, "kind": "simulated", "host": host, "interval_s": 2.0, "state": "ok", "message": "",
        "since": SINCE, "channels": readings, **changes,
    }  # fmt: skip
    broker.connection().sadd(broker.key(HOSTS), host)
    broker.connection().set(broker.key("sensors", host), json.dumps([state]))
