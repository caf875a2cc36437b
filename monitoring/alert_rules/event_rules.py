"""Rules on events: they open an alert in the transaction of the event, and close it when none has come for a while."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db import transaction

from core import database_clock
from core.events.models import Alert, Event
from core.events.service import raise_alert, resolve_alert
from core.text.sentences import join_sentences
from monitoring.alert_rules.rows import alert_key, rule_alerts
from monitoring.alert_rules.rule import concerns, matches
from monitoring.models import AlertRule, MaintenanceWindow

CACHE_S = 2.0
"""How long a process keeps the rules: events are recorded with each capture."""
EXCLUDED = ("alert.", "notification.", "webhook.")
"""Families that no rule watches: an alert would cause its own next one."""
GAP = "session.gap"
DECIDED = ("unsafe", "vetoed", "session_stopped")
"""Reasons of a gap that opens no alert when it ends: a gate has an alert while it is closed (`gate_closed`), and the
others are what a person wanted."""
_cache: tuple[float, list[AlertRule]] | None = None


def open_event_alerts(event: Event) -> None:
    """Open the alerts of the rules that this event meets."""
    if event.kind.startswith(EXCLUDED):
        return
    for rule in _event_rules():
        if meets(rule, event) and is_frequent(rule, event) and not in_maintenance(event):
            subject = subject_of(event)
            raise_alert(
                alert_key(rule.name, subject),
                join_sentences([rule.label, event.sentence], ": "),
                severity=rule.severity,
                camera=event.camera_refs,
                data={"rule": rule.name, "subject": subject, "host": event.host, "event": str(event.pk)},
                host=event.host,
            )


def close_quiet_alerts() -> None:
    """Close the alerts of rules on events that have met none for `clear_for_s`, or that do not exist any more."""
    # Read before the rules: an alert of a rule that is added meanwhile is not among them.
    found = [alert for alert in rule_alerts() if "event" in alert.data]
    rules = {rule.name: rule for rule in AlertRule.objects.filter(kind="event", enabled=True)}
    for alert in found:
        close_if_quiet(alert, rules.get(alert.data.get("rule", "")))


@transaction.atomic
def close_if_quiet(alert: Alert, rule: AlertRule | None) -> None:
    # Read again: an event may have come since.
    now = Alert.objects.select_for_update().exclude(state=Alert.State.RESOLVED).filter(pk=alert.pk).first()
    if now is None:
        return
    if rule is None:
        resolve_alert(alert.key, "Its rule was changed or removed.")
    elif database_clock.estimate() - now.last_seen_at >= timedelta(seconds=rule.clear_for_s):
        resolve_alert(alert.key)


def close_alerts_of(kind: str, subject: object, why: str) -> None:
    """Close the alerts whose newest event is of this kind and about `subject`, because that is over. Alerts of rules
    that count several events stay."""
    single = set(AlertRule.objects.filter(kind="event", threshold__lte=1).values_list("name", flat=True))
    for alert in rule_alerts():
        about = Event.objects.filter(pk=alert.data.get("event"), kind=kind, subject=str(subject))
        if alert.data.get("rule") in single and about.exists():
            resolve_alert(alert.key, why)


def meets(rule: AlertRule, event: Event) -> bool:
    """A subject is a kind or `kind:camera`, with wildcards."""
    if event.kind == GAP and event.data.get("reason") in DECIDED:
        return False
    kind, _, camera = rule.subject.partition(":")
    return matches(kind, event.kind) and (not camera or matches(camera, event.camera))


def is_frequent(rule: AlertRule, event: Event) -> bool:
    """Whether as many events as the threshold came within `for_s`, of this kind and camera."""
    if rule.threshold <= 1:
        return True
    since = event.at - timedelta(seconds=rule.for_s)
    # Neither the events in a maintenance window count, nor those before it, as for other rules.
    since = max([since, *(window.ends_at for window in windows_of(event, since))])
    found = Event.objects.filter(kind=event.kind, camera=event.camera, at__gt=since, at__lte=event.at)
    if event.kind == GAP:
        found = found.exclude(data__has_key="reason", data__reason__in=DECIDED)
    # Counting ends at the threshold: there may be millions within a month.
    return found.values("pk")[: int(rule.threshold)].count() >= rule.threshold


def in_maintenance(event: Event) -> bool:
    return any(window.ends_at > event.at for window in windows_of(event, event.at))


def windows_of(event: Event, since: datetime) -> list[MaintenanceWindow]:
    """Those that began before the event, end after `since`, and have its camera, host or kind as their subject."""
    found = MaintenanceWindow.objects.filter(begins_at__lte=event.at, ends_at__gt=since)
    names = [name for name in (event.camera, event.host, subject_of(event)) if name]
    return [window for window in found if any(concerns(window.subject, name) for name in names)]


def subject_of(event: Event) -> str:
    return f"{event.kind}:{event.camera}" if event.camera else event.kind


def clear_cache() -> None:
    global _cache
    _cache = None


def _event_rules() -> list[AlertRule]:
    global _cache
    now = time.monotonic()
    if _cache is None or now - _cache[0] > CACHE_S:
        _cache = (now, list(AlertRule.objects.filter(kind="event", enabled=True)))
    return _cache[1]
