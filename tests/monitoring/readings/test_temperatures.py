"""The temperatures of sensors on the dashboard."""

from __future__ import annotations

import time
from typing import Any

import pytest

from monitoring.models import SensorChannel
from monitoring.readings import temperatures
from monitoring.readings.aggregation import aggregate_due
from tests.harness.rows.readings import channel_of, read

pytestmark = pytest.mark.django_db
AGO = (time.time() - 3600) // 300 * 300


def names(viewer: Any) -> list[str]:
    return [series["name"] for series in viewer.get("/temperatures/").json()["series"]]


def warm(channel: SensorChannel) -> None:
    read(channel, [20.0, 21.0], from_s=AGO)
    aggregate_due()


def test_a_sensor_has_a_point_for_five_minutes(viewer: Any) -> None:
    warm(channel_of())
    assert viewer.get("/temperatures/").json()["series"] == [{"name": "roof, t", "points": [[AGO + 150, 20.5]]}]


def test_the_temperature_of_the_site_is_first(viewer: Any) -> None:
    warm(channel_of("attic"))
    main = channel_of("roof")
    SensorChannel.objects.filter(pk=main.pk).update(main=True)
    warm(main)
    assert names(viewer) == ["roof, t", "attic, t"]


def test_hidden_channels_other_quantities_and_computers_are_left_out(viewer: Any) -> None:
    warm(channel_of(quantity="humidity"))
    hidden, computer = channel_of("attic"), channel_of("server")
    SensorChannel.objects.filter(pk=hidden.pk).update(hidden=True)
    type(computer.sensor).objects.filter(pk=computer.sensor.pk).update(kind="host")
    warm(hidden)
    warm(computer)
    assert names(viewer) == []


def test_at_most_some_channels_are_shown(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temperatures, "MAX_CHANNELS", 1)
    warm(channel_of("attic"))
    warm(channel_of("roof"))
    assert names(viewer) == ["attic, t"]
