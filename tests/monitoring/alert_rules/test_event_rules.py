"""Rules on events: an alert opens with the event, and closes when none has come for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.events.models import Alert
from core.events.service import record_event
from monitoring.alert_rules.event_rules import clear_cache, close_if_quiet, close_quiet_alerts
from monitoring.models import AlertRule, MaintenanceWindow

pytestmark = pytest.mark.django_db


def add_rule(**columns: Any) -> AlertRule:
    AlertRule.objects.all().delete()
    defaults = {"name": "gaps", "kind": "event", "subject": "session.gap", "threshold": 1, "clear_for_s": 3600}
    rule = AlertRule.objects.create(**{**defaults, **columns})
    clear_cache()
    return rule


def keys() -> list[str]:
    return sorted(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_an_event_opens_an_alert_with_its_sentence() -> None:
    add_rule(severity="error")
    record_event("session.gap", "Three captures were missed.", camera=None)
    alert = Alert.objects.get()
    assert (alert.key, alert.message, alert.severity) == (
        "rule:gaps:session.gap", "Three captures were missed.", "error",
    )  # fmt: skip


def test_other_events_open_nothing() -> None:
    add_rule()
    record_event("session.finished", "The session is finished.", camera=None)
    assert keys() == []


@pytest.mark.parametrize("reason", ["unsafe", "vetoed", "session_stopped"])
def test_a_gap_that_a_gate_or_a_person_decided_opens_nothing(reason: str) -> None:
    add_rule(threshold=2, for_s=60)
    record_event("session.gap", "Three captures were missed.", data={"reason": reason}, camera=None)
    record_event("session.gap", "Three captures were missed.", data={"reason": "camera_hung"}, camera=None)
    assert keys() == []
    record_event("session.gap", "Three captures were missed.", data={"reason": "camera_hung"}, camera=None)
    assert keys() == ["rule:gaps:session.gap"]


def test_wildcards_match_a_family() -> None:
    add_rule(subject="session.*")
    record_event("session.stopped", "The session was stopped.", camera=None)
    assert keys() == ["rule:gaps:session.stopped"]


def test_an_alert_of_a_camera_belongs_to_it(camera: Any) -> None:
    add_rule(subject="session.gap:sky")
    record_event("session.gap", "Missed.", camera=camera)
    assert Alert.objects.get().camera == "sky"


def test_a_number_of_events_must_come_within_the_time() -> None:
    add_rule(threshold=3, for_s=3600)
    for _ in range(2):
        record_event("session.gap", "Missed.", camera=None)
    assert keys() == []
    record_event("session.gap", "Missed.", camera=None)
    assert keys() == ["rule:gaps:session.gap"]


def test_an_alert_does_not_cause_its_own_next_one() -> None:
    add_rule(subject="*")
    record_event("session.gap", "Missed.", camera=None)
    assert keys() == ["rule:gaps:session.gap"]


def test_in_a_maintenance_window_nothing_opens() -> None:
    add_rule()
    now = timezone.now()
    MaintenanceWindow.objects.create(begins_at=now, ends_at=now + timedelta(hours=1))
    record_event("session.gap", "Missed.", camera=None)
    assert keys() == []


def test_an_alert_closes_when_no_event_has_come_for_a_while() -> None:
    add_rule()
    record_event("session.gap", "Missed.", camera=None)
    close_quiet_alerts()
    assert keys() == ["rule:gaps:session.gap"]
    Alert.objects.update(last_seen_at=timezone.now() - timedelta(hours=2))
    close_quiet_alerts()
    assert keys() == []


def test_the_alerts_of_a_removed_rule_close() -> None:
    add_rule()
    record_event("session.gap", "Missed.", camera=None)
    AlertRule.objects.all().delete()
    close_quiet_alerts()
    assert keys() == []


def window(subject: str, begins: timedelta, ends: timedelta) -> None:
    now = timezone.now()
    MaintenanceWindow.objects.create(subject=subject, begins_at=now + begins, ends_at=now + ends)


@pytest.mark.parametrize("subject", ["session.gap:sky", "session.gap", "sky", "session.*"])
def test_a_window_has_the_kind_or_the_camera_of_an_event_as_its_subject(camera: Any, subject: str) -> None:
    add_rule()
    window(subject, timedelta(0), timedelta(hours=1))
    record_event("session.gap", "Missed.", camera=camera)
    assert keys() == []


def test_a_window_of_another_camera_lets_an_alert_open(camera: Any) -> None:
    add_rule()
    window("session.gap:sea", timedelta(0), timedelta(hours=1))
    record_event("session.gap", "Missed.", camera=camera)
    assert keys() == ["rule:gaps:session.gap:sky"]


def test_events_until_the_end_of_a_window_do_not_count() -> None:
    add_rule(threshold=2, for_s=3600)
    window("session.gap", timedelta(minutes=-20), timedelta(minutes=-10))
    for ago in (30, 15, 5):
        record_event("session.gap", "Missed.", at=timezone.now() - timedelta(minutes=ago), camera=None)
    assert keys() == []
    record_event("session.gap", "Missed.", camera=None)
    assert keys() == ["rule:gaps:session.gap"]


def test_an_alert_stays_open_if_an_event_comes_while_quiet_ones_are_closed() -> None:
    rule = add_rule()
    record_event("session.gap", "Missed.", camera=None)
    Alert.objects.update(last_seen_at=timezone.now() - timedelta(hours=2))
    quiet = Alert.objects.get()
    record_event("session.gap", "Missed again.", camera=None)
    close_if_quiet(quiet, rule)
    assert keys() == ["rule:gaps:session.gap"]
