"""The aggregation that is behind is a metric, and the default rule watches it."""

from __future__ import annotations

import pytest

from monitoring.alert_rules.defaults import DEFAULT_RULES
from monitoring.alert_rules.metric_signals import metric_signals
from monitoring.models import AlertRule, DueAggregate, SensorChannel
from monitoring.readings.aggregation import SETTLE_S, aggregate_due
from monitoring.readings.due import mark_due
from monitoring.readings.levels import DAY_S, MINUTE_S
from monitoring.readings.metrics import aggregation_lag_s
from tests.harness.rows.sensors import make_sensor

pytestmark = pytest.mark.django_db
BEGIN_S = 1_700_000_000 // DAY_S * DAY_S
LAG = "skycam_readings_aggregation_lag_seconds"


@pytest.fixture
def channel() -> SensorChannel:
    return SensorChannel.objects.create(sensor=make_sensor(), key="t", quantity="temperature")


@pytest.fixture
def default_rule() -> AlertRule:
    """As a new station has it."""
    [columns] = [one for one in DEFAULT_RULES if one["name"] == "readings-behind"]
    rule, _ = AlertRule.objects.update_or_create(name=columns["name"], defaults=columns)
    return rule


def test_a_minute_is_late_from_when_it_could_have_been_computed(channel: SensorChannel) -> None:
    mark_due(MINUTE_S, [(channel.pk, BEGIN_S), (channel.pk, BEGIN_S + MINUTE_S)])
    end_s = BEGIN_S + MINUTE_S + SETTLE_S
    assert [aggregation_lag_s(now_s) for now_s in (BEGIN_S + 1, end_s, end_s + 900)] == [0.0, 0.0, 900.0]


def test_the_day_that_goes_on_is_not_late(channel: SensorChannel) -> None:
    mark_due(DAY_S, [(channel.pk, BEGIN_S)])
    assert aggregation_lag_s(BEGIN_S + DAY_S - 1) == 0.0


def test_a_job_that_does_not_run_is_seen_by_the_default_rule_until_it_has_caught_up(
    channel: SensorChannel, default_rule: AlertRule
) -> None:
    mark_due(MINUTE_S, [(channel.pk, BEGIN_S)])
    (late,) = [signal.value for signal in metric_signals("main") if signal.subject == LAG]
    assert late is not None
    assert late > 0
    aggregate_due()
    assert not DueAggregate.objects.exists()
    assert [signal.value for signal in metric_signals("main") if signal.subject == LAG] == [0.0]
