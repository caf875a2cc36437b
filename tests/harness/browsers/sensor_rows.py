"""Sensors with readings in the database of a running station. They belong to another host, so that none is read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID

from tests.harness.browsers.site import Site
from tests.harness.waiting import PATIENCE_S

SENSOR = UUID(int=7).hex
CHANNELS = {1001: ("bus", "temperature"), 1002: ("lid", "temperature"), 1003: ("bus", "humidity")}
SECONDS = 1800


@contextmanager
def sensor_rows(site: Site) -> Iterator[None]:
    """The sensor `roof` with three channels, read each 2 s until now."""
    with closing(sqlite3.connect(site.station.config.data / "skycam.sqlite3", timeout=PATIENCE_S)) as connection:
        with connection:
            _insert(connection)
        yield
        with connection:
            for table in ("reading", "sensorchannel"):
                column = "channel_id" if table == "reading" else "id"
                connection.execute(f"DELETE FROM monitoring_{table} WHERE {column} IN (1001, 1002, 1003)")
            connection.execute("DELETE FROM monitoring_sensor WHERE id = ?", (SENSOR,))


def _insert(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO monitoring_sensor (id, name, label, kind, host, enabled, interval_s, settings, secrets_encrypted,"
        " revision, created_at)"
        " VALUES (?, 'roof', 'Roof', 'simulated', 'elsewhere', 1, 2.0, '{}', '', 1, '2026-01-01')",
        (SENSOR,),
    )
    connection.executemany(
        "INSERT INTO monitoring_sensorchannel (id, sensor_id, key, quantity, label, device_label, main, hidden, offset,"
        " created_at) VALUES (?, ?, ?, ?, '', '', 0, 0, 0.0, '2026-01-01')",
        [(channel, SENSOR, key, quantity) for channel, (key, quantity) in CHANNELS.items()],
    )
    begin = int(time.time()) - SECONDS
    connection.executemany(
        "INSERT INTO monitoring_reading (channel_id, at_ms, value, quality) VALUES (?, ?, ?, 0)",
        [
            (channel, (begin + second) * 1000, 10.0 + second / SECONDS)
            for channel in CHANNELS
            for second in range(0, SECONDS, 2)
        ],
    )
