"""Metrics as signals of alert rules."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from core.events.models import Alert
from monitoring.alert_rules.engine import RuleEngine
from monitoring.alert_rules.rows import rule_of
from monitoring.alert_rules.signals import metric_signals
from monitoring.alert_rules.watch import apply_change
from monitoring.models import AlertRule
from tests.harness.rows.audiences import only_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def few_images(db: None) -> AlertRule:
    AlertRule.objects.all().delete()
    subject = "skycam_images_captured_total{camera=sky}"
    return AlertRule.objects.create(name="few-images", kind="metric_below", subject=subject, threshold=1)


def test_without_a_rule_nothing_is_collected(few_images: AlertRule) -> None:
    few_images.delete()
    assert list(metric_signals("main")) == []


def test_the_alert_of_a_metric_belongs_to_the_camera_of_its_label(
    few_images: AlertRule, camera: Camera, viewer: Any, manager: Any
) -> None:
    engine = RuleEngine()
    engine.set_rules([rule_of(few_images)])
    for change in engine.evaluate(metric_signals("main"), 0.0):
        apply_change("main", change)
    assert Alert.objects.get().camera == "sky"
    only_for(camera)
    assert viewer.get("/api/v1/alerts/").json()["results"] == []
    assert len(manager.get("/api/v1/alerts/").json()["results"]) == 1
