"""The database figures of django-prometheus for the web part: statements, their durations, errors and connections."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django_prometheus.db.metrics import (
    connections_total,
    errors_total,
    execute_many_total,
    execute_total,
    query_duration_seconds,
)

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


def measure_databases() -> None:
    """From now on, measure each new connection of this process."""
    # Not the package's own backends: they would measure in every part, also where each millisecond of a capture counts
    # and no one reads the figures.
    connection_created.connect(measure_connection, dispatch_uid="database metrics")


def measure_connection(connection: BaseDatabaseWrapper, **_: Any) -> None:
    connections_total.labels(connection.alias, connection.vendor).inc()
    # A reconnect of the same object keeps its wrappers.
    if not any(isinstance(one, Measurement) for one in connection.execute_wrappers):
        connection.execute_wrappers.append(Measurement(connection.alias, connection.vendor))


class Measurement:
    """Wraps the statements of one connection."""

    def __init__(self, alias: str, vendor: str) -> None:
        self._alias, self._vendor = alias, vendor
        # Looked up once: finding the labels would cost as much as the measurement.
        self._executed = execute_total.labels(alias, vendor)
        self._executed_many = execute_many_total.labels(alias, vendor)
        self._duration = query_duration_seconds.labels(alias, vendor)

    def __call__(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        number = len(params) if many else 1
        self._executed.inc(number)
        if many:
            self._executed_many.inc(number)
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        except Error as error:
            errors_total.labels(self._alias, self._vendor, type(error).__name__).inc()
            raise
        finally:
            self._duration.observe(time.perf_counter() - begun)
