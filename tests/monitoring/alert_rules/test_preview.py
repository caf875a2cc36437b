"""What a rule would have done over the last week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from cameras.models import Camera
from core.events.models import Event
from monitoring.alert_rules import preview as preview_module
from monitoring.alert_rules.engine import Opening, Sample, replay
from monitoring.alert_rules.preview import Preview, preview_rule
from monitoring.alert_rules.rule import Rule, RuleState, evaluate
from monitoring.models import AlertRule, Reading, ReadingAggregate, ReadingQuality, SensorChannel
from skycam_project.access.models import User
from tests.harness.rows.audiences import only_for
from tests.harness.rows.sensors import make_sensor

HOT = Rule("hot", "reading_above", "*", 30.0)
HOUR_AGO = timedelta(hours=1)
API = "/api/v1/alert-rules/preview/"


def opened(rule: Rule, *values: float | None, end_s: float | None = None) -> list[tuple[float, float | None]]:
    """Begin and end of the openings, of one value a second."""
    samples = [Sample(float(at), value, after_gap=False) for at, value in enumerate(values)]
    return [
        (one.begin.timestamp(), one.end.timestamp() if one.end else None)
        for one in replay(rule, "t", samples, len(values) if end_s is None else end_s)
    ]


def test_each_time_beyond_the_threshold_is_an_opening() -> None:
    assert opened(HOT, 20, 31, 32, 20, 31) == [(1, 3), (4, None)]


def test_a_value_lasts_until_the_next_one() -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, for_s=60)
    samples = [Sample(0.0, 31.0, after_gap=False), Sample(100.0, 20.0, after_gap=False)]
    (found,) = replay(rule, "t", samples, 200.0)
    assert (found.begin.timestamp(), found.end) == (60.0, datetime.fromtimestamp(100, UTC))


def test_a_value_does_not_last_over_a_gap() -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, for_s=60)
    samples = [Sample(0.0, 31.0, after_gap=False), Sample(1000.0, 31.0, after_gap=True)]
    assert list(replay(rule, "t", samples, 1010.0)) == []


def test_an_alert_that_clears_for_a_time_closes_after_it() -> None:
    assert opened(Rule("hot", "reading_above", "*", 30.0, clear_for_s=2), 31, 20, 20, 20, 20) == [(0, 3)]


def test_the_extreme_is_the_value_farthest_beyond_the_threshold() -> None:
    cold = Rule("cold", "reading_below", "*", 0.0)
    samples = [Sample(float(at), value, after_gap=False) for at, value in enumerate([5.0, -1.0, -7.0, -2.0, 5.0])]
    assert [one.extreme for one in replay(cold, "t", samples, 9.0)] == [-7.0]


@given(
    st.lists(st.one_of(st.none(), st.sampled_from([20.0, 27.0, 31.0])), max_size=60),
    st.sampled_from([0.0, 2.0, 5.0]),
    st.sampled_from([0.0, 3.0]),
)
def test_the_past_is_decided_as_the_present(values: list[float | None], for_s: float, clear_for_s: float) -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, 25.0, for_s, clear_for_s)
    state, openings = RuleState(), 0
    for at, value in enumerate(values):
        after = evaluate(rule, state, value, float(at))
        openings += after.is_open and not state.is_open
        state = after
    # The last value lasts until the end, at the time of the last sample.
    assert len(opened(rule, *values, end_s=len(values) - 1.0)) == openings


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("mia", role="manager")


@pytest.fixture
def channel(db: None) -> SensorChannel:
    return SensorChannel.objects.create(sensor=make_sensor(), key="t", quantity="temperature")


def store(channel: SensorChannel, *values: float | None, step_s: float = 2.0, ago: timedelta = HOUR_AGO) -> int:
    """Readings from a time ago on. None is a row that says missing. Returns the first time in ms."""
    begin = int((timezone.now() - ago).timestamp() * 1000)
    Reading.objects.bulk_create(
        Reading(
            channel=channel,
            at_ms=begin + int(number * step_s * 1000),
            value=value,
            quality=ReadingQuality.MISSING if value is None else ReadingQuality.OK,
        )
        for number, value in enumerate(values)
    )
    return begin


def previewed(user: User, **columns: Any) -> Preview:
    fields = {"name": "preview", "kind": "reading_above", "subject": "balcony", "threshold": 30.0, **columns}
    return preview_rule(AlertRule(**fields), user, "mia")


def test_readings_beyond_the_threshold_are_counted(user: User, channel: SensorChannel) -> None:
    begin = store(channel, 20, 31, 33, 20, 20, 35, 20)
    found = previewed(user)
    assert found.sentence.startswith("Would have fired 2 times in the last 7 days, for 6 s in all. Readings are stored")
    assert (found.number, found.resolution, found.unit) == (2, "readings", "°C")
    first = found.openings[0]
    assert (first.subject, first.extreme, first.begin.timestamp() * 1000) == ("balcony:t", 33, begin + 2000)


def test_a_rule_that_would_not_have_fired_says_since_when_readings_are_stored(
    user: User, channel: SensorChannel
) -> None:
    store(channel, 20, 20)
    assert previewed(user).sentence.startswith("Would not have fired in the last 7 days. Readings are stored since")


def test_implausible_readings_open_nothing(user: User, channel: SensorChannel) -> None:
    store(channel, 20, 85, 20)
    Reading.objects.filter(value=85).update(quality=ReadingQuality.IMPLAUSIBLE)
    assert previewed(user).number == 0


def test_before_the_first_reading_minutes_are_used(user: User, channel: SensorChannel) -> None:
    minute = int((timezone.now() - timedelta(days=3)).timestamp()) // 60 * 60
    ReadingAggregate.objects.bulk_create(
        ReadingAggregate(
            channel=channel, seconds=60, start_s=minute + 60 * number, minimum=1, maximum=high, mean=5, count=30
        )
        for number, high in enumerate([20, 31, 20])
    )
    store(channel, 20, 31, 20)
    found = previewed(user)
    assert (found.number, found.resolution) == (2, "minutes")
    assert "a short peak counts as a minute" in found.sentence
    assert previewed(user, kind="reading_below", threshold=2.0, for_s=100).number == 1


def test_too_many_readings_are_read_as_minutes(
    user: User, channel: SensorChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "MAX_READINGS", 3)
    store(channel, 20, 31, 20, 31)
    assert previewed(user).number is None
    ReadingAggregate.objects.create(
        channel=channel, seconds=60, start_s=int(timezone.now().timestamp()) - 3600, maximum=31, count=30
    )
    assert previewed(user).resolution == "minutes"


def test_a_missing_sensor_is_an_opening_until_its_next_reading(user: User, channel: SensorChannel) -> None:
    begin = store(channel, 20, None, 20, step_s=60)
    found = previewed(user, kind="sensor_missing", threshold=0.5, for_s=10)
    assert [(one.begin.timestamp() * 1000, one.extreme) for one in found.openings] == [(begin + 70_000, None)]
    assert found.open_s == 50


def test_a_rate_is_taken_from_ten_minutes(user: User, channel: SensorChannel) -> None:
    store(channel, *(20 + number * 0.5 for number in range(20)), step_s=30)
    assert previewed(user, kind="reading_rises", threshold=50).number == 1
    assert previewed(user, kind="reading_rises", threshold=70).number == 0


def test_without_readings_it_is_not_known(user: User, channel: SensorChannel) -> None:
    found = previewed(user)
    assert (found.number, found.sentence) == (
        None, "No readings of balcony are stored: what the rule would have done is not known.",
    )  # fmt: skip
    assert "No sensor has readings of roof" in previewed(user, subject="roof").sentence


@pytest.mark.parametrize("kind", ["no_frame", "disk_below", "clock_offset", "host_silent", "part_restarts"])
def test_what_is_not_stored_is_not_known(user: User, kind: str) -> None:
    found = previewed(user, kind=kind)
    assert found.number is None
    assert "is not known" in found.sentence


def events(kind: str, *minutes_ago: float, camera: Camera | None = None) -> None:
    now = timezone.now()
    Event.objects.bulk_create(
        Event(
            kind=kind, message="x", at=now - timedelta(minutes=ago),
            camera=camera.slug if camera else "", camera_uuid=str(camera.pk) if camera else "",
        )
        for ago in minutes_ago
    )  # fmt: skip


def test_events_open_until_none_has_come_for_a_while(user: User) -> None:
    events("session.gap", 600, 590, 300)
    found = previewed(user, kind="event", subject="session.*", threshold=1, clear_for_s=3600)
    assert (found.number, found.resolution, round(found.open_s or 0)) == (2, "events", 2 * 3600 + 600)
    assert {one.subject for one in found.openings} == {"session.gap"}


def test_several_events_must_come_within_the_time(user: User) -> None:
    events("session.gap", 600, 599, 598, 300, 200, 100)
    found = previewed(user, kind="event", subject="session.gap", threshold=3, for_s=600, clear_for_s=60)
    assert found.number == 1


def test_events_of_hidden_cameras_are_not_counted(db: None, camera: Camera) -> None:
    only_for(camera)
    events("session.gap", 600, camera=camera)
    viewer = User.objects.create_user("vic", role="viewer")
    assert previewed(viewer, kind="event", subject="session.gap", threshold=1).number == 0


def test_the_first_openings_are_listed_and_all_are_counted(user: User, channel: SensorChannel) -> None:
    store(channel, *([31, 20] * 150))
    found = previewed(user)
    assert (found.number, len(found.openings)) == (150, 100)


def test_the_api_previews_a_rule_that_is_not_stored(manager: Any, channel: SensorChannel) -> None:
    store(channel, 20, 31, 20)
    wanted = {"kind": "reading_above", "subject": "balcony:t", "threshold": 30, "days": 1}
    body = manager.post(API, wanted).json()
    assert (body["openings"], body["open_s"], body["resolution"]) == (1, 2, "readings")
    assert body["results"][0]["extreme"] == 31
    assert not AlertRule.objects.filter(name="preview").exists()
    assert manager.post(API, {**wanted, "days": 400}).status_code == 400
    assert manager.post(API, {**wanted, "clear": 31}).status_code == 400


def test_an_opening_has_no_end_while_it_would_be_open(user: User, channel: SensorChannel) -> None:
    store(channel, 20, 31, ago=timedelta(seconds=10))
    assert previewed(user).openings == [Opening("balcony:t", previewed(user).openings[0].begin, None, 31.0)]


def test_of_two_quantities_with_one_key_only_the_named_one_is_judged(user: User, channel: SensorChannel) -> None:
    humidity = SensorChannel.objects.create(sensor=channel.sensor, key="t", quantity="humidity")
    store(channel, 20, 31, 20)
    store(humidity, 50, 60, 50)
    found = previewed(user, subject="balcony:t:temperature")
    assert ([one.subject for one in found.openings], found.unit) == (["balcony:t:temperature"], "°C")
    assert previewed(user, subject="balcony:t").unit == ""


def test_what_is_too_much_to_read_is_not_previewed(
    user: User, channel: SensorChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "MAX_READINGS", 2)
    monkeypatch.setattr(preview_module, "MAX_EVENTS", 2)
    store(channel, 20, 31, 20)
    minute = int((timezone.now() - HOUR_AGO).timestamp()) // 60 * 60
    ReadingAggregate.objects.bulk_create(
        ReadingAggregate(channel=channel, seconds=60, start_s=minute + 60 * number, maximum=31, count=30)
        for number in range(3)
    )
    events("session.gap", 3, 2, 1)
    assert previewed(user).sentence.startswith("Too much is stored")
    assert previewed(user, kind="event", subject="session.gap", threshold=1).number is None
