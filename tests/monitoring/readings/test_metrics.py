"""The aggregation that is behind is a metric, and the default rule watches it."""

from __future__ import annotations

import pytest

from monitoring.alert_rules.engine import RuleEngine
from monitoring.alert_rules.rule import DEFAULT_RULES, Rule
from monitoring.alert_rules.signals import aggregation_lag
from monitoring.models import SensorChannel
from monitoring.readings.aggregation import DAY_S, MINUTE_S, SETTLE_S, aggregate_due, aggregation_lag_s, mark_due
from tests.harness.rows.sensors import make_sensor

pytestmark = pytest.mark.django_db
BEGIN_S = 1_700_000_000 // DAY_S * DAY_S


@pytest.fixture
def channel() -> SensorChannel:
    return SensorChannel.objects.create(sensor=make_sensor(), key="t", quantity="temperature")


def default_rule() -> Rule:
    """As a new station has it."""
    [columns] = [one for one in DEFAULT_RULES if one["name"] == "readings-behind"]
    return Rule(**{"subject": "*", **columns})


def test_a_minute_is_late_from_when_it_could_have_been_computed(channel: SensorChannel) -> None:
    mark_due(MINUTE_S, [(channel.pk, BEGIN_S), (channel.pk, BEGIN_S + MINUTE_S)])
    end_s = BEGIN_S + MINUTE_S + SETTLE_S
    assert [aggregation_lag_s(now_s) for now_s in (BEGIN_S + 1, end_s, end_s + 900)] == [0.0, 0.0, 900.0]


def test_the_day_that_goes_on_is_not_late(channel: SensorChannel) -> None:
    mark_due(DAY_S, [(channel.pk, BEGIN_S)])
    assert aggregation_lag_s(BEGIN_S + DAY_S - 1) == 0.0


def test_a_job_that_does_not_run_opens_the_alert_of_the_default_rule_until_it_has_caught_up(
    channel: SensorChannel,
) -> None:
    mark_due(MINUTE_S, [(channel.pk, BEGIN_S)])
    engine = RuleEngine()
    engine.set_rules([default_rule()])
    assert engine.evaluate(aggregation_lag("main"), 0.0) == []
    [opened] = engine.evaluate(aggregation_lag("main"), 601.0)
    assert "See whether the part jobs works" in opened.sentence
    aggregate_due()
    [closed] = engine.evaluate(aggregation_lag("main"), 602.0)
    assert closed.action == "close"
