"""`GET readings/`: points of channels in a range of time."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from typing import Any

import pytest

from core.times.timestamps import stamp_ms
from monitoring.models import Reading, ReadingQuality, SensorChannel
from monitoring.readings.aggregation import DAY_S, HOUR_S, MINUTE_S, aggregate_due
from tests.harness.rows.readings import channel_of, read, write

pytestmark = pytest.mark.django_db
Points = Mapping[str, list[Any]]


@pytest.fixture
def channel(db: None) -> SensorChannel:
    return channel_of()


def at(seconds: float) -> str:
    return stamp_ms(round(seconds * 1000))


@pytest.fixture
def hour_ago() -> int:
    """The first second of a minute."""
    return int(time.time()) // MINUTE_S * MINUTE_S - HOUR_S


@pytest.fixture
def hour(hour_ago: int) -> dict[str, str]:
    """With an end: a range until now grows during the test, and so do its buckets."""
    return {"from": at(hour_ago), "to": at(hour_ago + HOUR_S)}


def answer(viewer: Any, **query: Any) -> Any:
    found = viewer.get("/api/v1/readings/", query)
    assert found.status_code == 200, found.content
    return found.json()


def points(viewer: Any, **query: Any) -> Points:
    [channel] = answer(viewer, **query)["channels"]
    found: Points = channel["points"]
    return found


def test_an_hour_of_readings_is_raw(viewer: Any, channel: SensorChannel, hour_ago: int, hour: dict[str, str]) -> None:
    read(channel, [1.0, 2.0], from_s=hour_ago)
    found = answer(viewer, **hour)
    assert (found["source"], found["bucket_s"], found["complete"]) == ("raw", 0, True)
    assert found["channels"] == [
        {
            "sensor": "roof", "channel": "t", "quantity": "temperature", "unit": "°C", "label": "t",
            "sensor_label": "roof", "quantity_label": "Temperature", "digits": 1, "interval_s": 2.0,
            "points": {
                "t": [hour_ago, hour_ago + 2], "mean": [1.0, 2.0], "min": [1.0, 2.0], "max": [1.0, 2.0],
                "count": [1, 1], "quality": [0, 0],
            },
        }
    ]  # fmt: skip


def test_three_intervals_without_a_reading_are_a_gap(
    viewer: Any, channel: SensorChannel, hour_ago: int, hour: dict[str, str]
) -> None:
    read(channel, [1.0], from_s=hour_ago)
    read(channel, [2.0], from_s=hour_ago + 6)
    read(channel, [3.0], from_s=hour_ago + 14)
    found = points(viewer, **hour)
    assert found["t"] == [hour_ago, hour_ago + 6, hour_ago + 8, hour_ago + 14]
    assert found["mean"] == [1.0, 2.0, None, 3.0]


def test_a_missing_reading_is_a_gap(viewer: Any, channel: SensorChannel, hour_ago: int, hour: dict[str, str]) -> None:
    read(channel, [1.0, None, 3.0], from_s=hour_ago)
    found = points(viewer, **hour)
    assert (found["mean"], found["quality"]) == ([1.0, None, 3.0], [0, 3, 0])


def test_an_implausible_reading_has_no_mean(
    viewer: Any, channel: SensorChannel, hour_ago: int, hour: dict[str, str]
) -> None:
    write([Reading(channel=channel, at_ms=hour_ago * 1000, value=85.0, quality=ReadingQuality.IMPLAUSIBLE)])
    found = points(viewer, **hour)
    assert (found["mean"], found["count"], found["quality"]) == ([None], [0], [2])


@pytest.mark.parametrize(
    ("span_s", "source", "bucket_s"),
    [(HOUR_S, "raw", 0), (6 * HOUR_S, "raw", 15), (DAY_S, "minute", 60), (7 * DAY_S, "ten_minutes", 600),
     (31 * DAY_S, "hour", 3600), (365 * DAY_S, "hour", 21_600), (3000 * DAY_S, "day", 2 * DAY_S)],
)  # fmt: skip
def test_a_longer_range_has_longer_points(
    viewer: Any, channel: SensorChannel, span_s: int, source: str, bucket_s: int
) -> None:
    now = time.time()
    found = answer(viewer, **{"from": at(now - span_s + 1), "to": at(now)})
    assert (found["source"], found["bucket_s"]) == (source, bucket_s)


def test_many_months_of_many_channels_are_read_from_hours(viewer: Any) -> None:
    for number in range(10):
        channel_of(f"roof{number}")
    assert answer(viewer, **{"from": at(time.time() - 300 * DAY_S)})["source"] == "hour"


def test_a_bucket_of_the_past_is_read_from_what_is_kept(viewer: Any, channel: SensorChannel) -> None:
    ago = time.time() - 20 * DAY_S
    found = answer(viewer, **{"from": at(ago), "to": at(ago + HOUR_S), "bucket": 10})
    assert (found["source"], found["bucket_s"]) == ("minute", 60)
    longer = time.time() - 500 * DAY_S
    found = answer(viewer, **{"from": at(longer), "to": at(longer + HOUR_S), "bucket": 10})
    assert (found["source"], found["bucket_s"]) == ("hour", 3600)


def test_readings_are_grouped_by_the_bucket(
    viewer: Any, channel: SensorChannel, hour_ago: int, hour: dict[str, str]
) -> None:
    read(channel, [1.0, 2.0, 3.0, 5.0, 9.0, None], from_s=hour_ago)
    found = points(viewer, **hour | {"bucket": 6})
    assert found["t"] == [hour_ago, hour_ago + 6]
    assert (found["mean"], found["min"], found["max"]) == ([2.0, 7.0], [1.0, 5.0], [3.0, 9.0])
    assert (found["count"], found["quality"]) == ([3, 2], [0, 3])


def test_minutes_are_grouped_by_the_bucket_with_their_weights(
    viewer: Any, channel: SensorChannel, hour_ago: int
) -> None:
    start = hour_ago // 300 * 300
    read(channel, [1.0, 1.0, 1.0], from_s=start)
    read(channel, [9.0], from_s=start + 60)
    aggregate_due()
    found = points(viewer, **{"from": at(start), "bucket": 300})
    assert (found["t"], found["mean"], found["count"]) == ([start], [3.0], [4])


def test_a_missing_minute_is_a_gap(viewer: Any, channel: SensorChannel, hour_ago: int, hour: dict[str, str]) -> None:
    read(channel, [1.0, 2.0], from_s=hour_ago, every_s=60)
    read(channel, [4.0], from_s=hour_ago + 240)
    aggregate_due()
    found = points(viewer, **hour | {"bucket": 60})
    assert found["mean"] == [1.0, 2.0, None, 4.0]


def test_channels_are_chosen_by_sensor_key_and_quantity(viewer: Any, channel: SensorChannel) -> None:
    channel_of("cellar", quantity="humidity")
    channel_of("cellar", key="other")
    found = [
        [(one["sensor"], one["channel"]) for one in answer(viewer, **query)["channels"]]
        for query in ({"sensor": "roof"}, {"channel": "other"}, {"quantity": "humidity"}, {"sensor": "none"})
    ]
    assert found == [[("roof", "t")], [("cellar", "other")], [("cellar", "t")], []]


@pytest.mark.parametrize(
    "query",
    [{"from": "yesterday"}, {"from": "2026-01-01T00:00:00"}, {"bucket": "-1"}, {"bucket": "1.5"}, {"limit": "0"},
     {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, {"from": "1969-01-01T00:00:00Z"},
     {"sensor": "\0"}, {"colour": "red"}, {"bucket": "1"}],
)  # fmt: skip
def test_a_bad_query_is_a_problem(viewer: Any, query: dict[str, str]) -> None:
    found = viewer.get("/api/v1/readings/", query)
    assert (found.status_code, found.json()["type"]) == (400, "/problems/invalid")


def test_a_range_of_the_whole_calendar_is_answered(viewer: Any, channel: SensorChannel) -> None:
    assert answer(viewer, **{"from": "1970-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"})["source"] == "day"


def test_any_number_of_channels_takes_two_queries(
    viewer: Any, django_assert_num_queries: Any, hour_ago: int, hour: dict[str, str]
) -> None:
    for number in range(12):
        read(channel_of(f"roof{number}"), [1.0], from_s=hour_ago)
    viewer.get("/api/v1/readings/")
    with django_assert_num_queries(4):  # the session and the user, too
        viewer.get("/api/v1/readings/", hour)


def test_an_answer_has_at_most_a_hundred_channels_and_says_so(viewer: Any) -> None:
    first = channel_of()
    SensorChannel.objects.bulk_create(
        SensorChannel(sensor=first.sensor, key=f"{number:03}", quantity="number") for number in range(100)
    )
    found = answer(viewer)
    assert (len(found["channels"]), found["complete"]) == (100, False)


def rows(client: Any, **query: Any) -> list[list[str]]:
    found = client.get("/api/v1/readings/export/", query)
    assert (found.status_code, found["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(found.getvalue().decode().splitlines()))


def test_each_reading_is_exported_in_utc(
    viewer: Any, channel: SensorChannel, hour_ago: int, hour: dict[str, str]
) -> None:
    read(channel, [-1.5, None], from_s=hour_ago)
    head, *lines = rows(viewer, **hour)
    assert head == ["time", "sensor", "channel", "label", "quantity", "unit", "value", "quality"]
    cells = ["roof", "t", "t", "temperature", "°C"]
    assert lines == [[at(hour_ago), *cells, "-1.5", "ok"], [at(hour_ago + 2), *cells, "", "missing"]]


def test_minutes_are_exported(viewer: Any, channel: SensorChannel, hour_ago: int, hour: dict[str, str]) -> None:
    read(channel, [1.0, 2.0], from_s=hour_ago)
    aggregate_due()
    head, line = rows(viewer, **hour | {"bucket": 60})
    assert head[6:] == ["mean", "minimum", "maximum", "count", "stale", "implausible", "missing"]
    assert (line[0], line[6:]) == (at(hour_ago), ["1.5", "1.0", "2.0", "2", "0", "0", "0"])


def test_a_label_cannot_become_a_formula(viewer: Any, hour_ago: int, hour: dict[str, str]) -> None:
    read(channel_of(key="=1+1", label='=HYPERLINK("http://x"),\n'), [1.0], from_s=hour_ago)
    [_, line] = csv.reader(viewer.get("/api/v1/readings/export/", hour).getvalue().decode().split("\r\n")[:-1])
    assert line[2].startswith("'=")
    assert line[3].startswith("'=")


def test_an_export_is_read_in_small_queries(
    viewer: Any, channel: SensorChannel, monkeypatch: pytest.MonkeyPatch, hour_ago: int, hour: dict[str, str]
) -> None:
    monkeypatch.setattr("monitoring.readings.api.CHUNK", 7)
    read(channel, range(20), from_s=hour_ago)
    assert [line[6] for line in rows(viewer, **hour)[1:]] == [f"{n}.0" for n in range(20)]


@pytest.mark.parametrize("query", [{"bucket": "61"}, {"from": "2026-01-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}])
def test_a_bad_export_is_a_problem(viewer: Any, query: dict[str, str]) -> None:
    assert viewer.get("/api/v1/readings/export/", query).status_code == 400


def test_a_stranger_reads_nothing(client: Any) -> None:
    assert [client.get(path).status_code for path in ("/api/v1/readings/", "/api/v1/readings/export/")] == [401, 401]
