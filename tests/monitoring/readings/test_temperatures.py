"""The temperatures of sensors on the dashboard."""

from __future__ import annotations

import time
from typing import Any

import pytest

from monitoring.models import SensorChannel
from monitoring.readings import services
from monitoring.readings.aggregation import aggregate_due
from tests.harness.rows.readings import channel_of, read

pytestmark = pytest.mark.django_db


@pytest.fixture
def ago() -> float:
    """The begin of five minutes, an hour ago."""
    return (time.time() - 3600) // 300 * 300


def names(viewer: Any) -> list[str]:
    return [series["name"] for series in viewer.get("/temperatures/").json()["series"]]


def warm(channel: SensorChannel, ago: float) -> None:
    read(channel, [20.0, 21.0], from_s=ago)
    aggregate_due()


def test_a_sensor_has_a_point_for_five_minutes(viewer: Any, ago: float) -> None:
    warm(channel_of(), ago)
    assert viewer.get("/temperatures/").json()["series"] == [{"name": "roof, t", "points": [[ago + 150, 20.5]]}]


def test_the_temperature_of_the_site_is_first(viewer: Any, ago: float) -> None:
    warm(channel_of("attic"), ago)
    main = channel_of("roof")
    SensorChannel.objects.filter(pk=main.pk).update(main=True)
    warm(main, ago)
    assert names(viewer) == ["roof, t", "attic, t"]


def test_hidden_channels_other_quantities_and_computers_are_left_out(viewer: Any, ago: float) -> None:
    warm(channel_of(quantity="humidity"), ago)
    hidden, computer = channel_of("attic"), channel_of("server")
    SensorChannel.objects.filter(pk=hidden.pk).update(hidden=True)
    type(computer.sensor).objects.filter(pk=computer.sensor.pk).update(kind="host")
    warm(hidden, ago)
    warm(computer, ago)
    assert names(viewer) == []


def test_at_most_some_channels_are_shown(viewer: Any, ago: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_CHANNELS", 1)
    warm(channel_of("attic"), ago)
    warm(channel_of("roof"), ago)
    assert names(viewer) == ["attic, t"]
