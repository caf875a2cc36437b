"""Alert rules and maintenance windows, as a user may see them: a pattern may name a hidden camera."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.registry import resolve
from monitoring.alert_rules.kinds import EVENTS, RULE_KINDS
from monitoring.alert_rules.reading_signals import READING_SIGNALS
from monitoring.alert_rules.rows import KEY
from monitoring.alert_rules.rule import concerns
from monitoring.models import Alert, AlertRule, MaintenanceWindow, SensorChannel
from monitoring.selectors import alerts_for, hidden_cameras
from monitoring.tables import SUBJECTS

MAX_SUBJECTS = 100
WINDOWS = 200


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule, the number of its unresolved alerts, and the subjects that it concerns now, at most MAX_SUBJECTS. None
    if only the hosts know them."""

    rule: AlertRule
    open_alerts: int
    subjects: list[str] | None


def rules_for(user: Any) -> list[AlertRule]:
    if not may_view(user):
        return []
    hidden = hidden_slugs(user)
    return [rule for rule in AlertRule.objects.all() if not names_one_of(rule.subject, hidden)]


def rule_for(user: Any, name: str) -> AlertRule:
    """AlertRule.DoesNotExist."""
    found = AlertRule.objects.get(name=name)
    if not may_view(user) or names_one_of(found.subject, hidden_slugs(user)):
        raise AlertRule.DoesNotExist
    return found


def windows_for(user: Any) -> list[MaintenanceWindow]:
    """The newest."""
    if not may_view(user):
        return []
    hidden = hidden_slugs(user)
    found = MaintenanceWindow.objects.all()[:WINDOWS]
    return [window for window in found if not names_one_of(window.subject, hidden)]


def window_for(user: Any, window: UUID) -> MaintenanceWindow:
    """MaintenanceWindow.DoesNotExist."""
    found = MaintenanceWindow.objects.get(pk=window)
    if not may_view(user) or names_one_of(found.subject, hidden_slugs(user)):
        raise MaintenanceWindow.DoesNotExist
    return found


def statuses_of(rules: Iterable[AlertRule], user: Any) -> list[RuleStatus]:
    """In the same number of queries for any number of rules."""
    open_alerts, known = open_counts(user), known_subjects(user)
    return [RuleStatus(rule, open_alerts[rule.name], subjects_of(rule, known)) for rule in rules]


def status_of(rule: AlertRule, user: Any) -> RuleStatus:
    return statuses_of([rule], user)[0]


def open_counts(user: Any) -> Counter[str]:
    unresolved = alerts_for(user).filter(key__startswith=KEY).exclude(state=Alert.State.RESOLVED)
    return Counter(str(data.get("rule")) for data in unresolved.values_list("data", flat=True))


def known_subjects(user: Any) -> dict[str, list[str]]:
    """Signal -> its subjects now, of those that the database knows."""
    channels = SensorChannel.objects.filter(sensor__enabled=True).values_list("sensor__name", "key")
    readings = sorted({f"{sensor}:{key}" for sensor, key in channels})
    found = dict.fromkeys(READING_SIGNALS, readings)
    return found | {signal: resolve(path)(user) for signal, path in SUBJECTS.items()}


def subjects_of(rule: AlertRule, known: Mapping[str, list[str]]) -> list[str] | None:
    kind = RULE_KINDS.get(rule.kind)
    if kind is None or kind.signal == EVENTS or kind.signal not in known:
        return None
    return [subject for subject in known[kind.signal] if concerns(rule.subject, subject)][:MAX_SUBJECTS]


def may_view(user: Any) -> bool:
    return bool(user.is_authenticated and user.may("viewer"))


def hidden_slugs(user: Any) -> set[str]:
    return {camera.slug for camera in hidden_cameras(user)}


def names_one_of(pattern: str, slugs: set[str]) -> bool:
    """Whether a part of the pattern, such as that after `session.gap:`, is one of these cameras."""
    return not slugs.isdisjoint(re.split(r"[:={},\"*?]", pattern))
