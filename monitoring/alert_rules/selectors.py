"""Alert rules, as a user may see them: a pattern may name a hidden camera."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from core.events.models import Alert
from core.events.selectors import alerts_for, hidden_cameras
from monitoring.alert_rules.host_signals import CAMERA_SIGNALS, watched_cameras
from monitoring.alert_rules.rows import KEY
from monitoring.alert_rules.rule import EVENTS, RULE_KINDS, RuleKind, concerns, matches
from monitoring.alert_rules.signals import READING_SIGNALS, ChannelId, channel_subjects
from monitoring.models import AlertRule, SensorChannel

MAX_SUBJECTS = 100


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


def with_status(rules: Iterable[AlertRule], user: Any) -> list[AlertRule]:
    """With the number of their unresolved alerts and the subjects that they concern now, at most MAX_SUBJECTS; None if
    only the hosts know them. `unit` is that of the threshold, empty if the subjects have several. In the same number of
    queries for any number of rules."""
    found, open_alerts, known = list(rules), open_counts(user), known_subjects(user)
    for rule in found:
        rule.open_alerts = open_alerts[rule.name]
        rule.subjects, rule.unit = subjects_and_unit(rule, known)
    return found


def open_counts(user: Any) -> Counter[str]:
    unresolved = alerts_for(user).filter(key__startswith=KEY).exclude(state=Alert.State.RESOLVED)
    return Counter(str(data.get("rule")) for data in unresolved.values_list("data", flat=True))


Known = Mapping[str, Mapping[str, str]]
"""Signal -> its subjects, with the units of their values."""


def known_subjects(user: Any) -> Known:
    """Those that exist now, of the signals whose subjects the database knows."""
    channels = channels_by_subject(SensorChannel.objects.filter(sensor__enabled=True))
    units = {subject: channel.unit.unit for subject, channel in sorted(channels.items())}
    found: dict[str, Mapping[str, str]] = dict.fromkeys(READING_SIGNALS, units)
    cameras = dict.fromkeys(watched_cameras(user), "")
    return found | dict.fromkeys(CAMERA_SIGNALS, cameras)


def channels_by_subject(channels: QuerySet[SensorChannel]) -> dict[str, SensorChannel]:
    """By the subjects that they have as signals. With all channels of a sensor, or none."""
    by_sensor: dict[str, dict[ChannelId, SensorChannel]] = {}
    for channel in channels.select_related("sensor"):
        by_sensor.setdefault(channel.sensor.name, {})[channel.key, channel.quantity] = channel
    return {
        subject: found[channel_id]
        for sensor, found in by_sensor.items()
        for channel_id, subject in channel_subjects(sensor, found).items()
    }


def subjects_and_unit(rule: AlertRule, known: Known) -> tuple[list[str] | None, str]:
    kind = RULE_KINDS.get(rule.kind)
    if kind is None or kind.signal == EVENTS or kind.signal not in known:
        return None, kind.unit if kind else ""
    units = {subject: unit for subject, unit in known[kind.signal].items() if concerns(rule.subject, subject)}
    return list(units)[:MAX_SUBJECTS], "" if kind.fixed is not None else unit_of(units.values(), kind)


def unit_of(units: Iterable[str], kind: RuleKind) -> str:
    """Of a threshold or an extreme: that of all these, if it is one, and that of the kind."""
    found = set(units)
    return " ".join(filter(None, [found.pop() if len(found) == 1 else "", kind.unit]))


def may_view(user: Any) -> bool:
    return bool(user.is_authenticated and user.may("viewer"))


def hidden_slugs(user: Any) -> set[str]:
    return {camera.slug for camera in hidden_cameras(user)}


def names_one_of(pattern: str, slugs: set[str]) -> bool:
    """Whether a part of the pattern, such as that after `session.gap:`, is one of these cameras, or the beginning or
    another part of its name: `roof*` names `roof-north`, while `*` names none."""
    if not slugs.isdisjoint(re.split(r"[:={},\"*?]", pattern)):
        return True
    parts = [part for part in re.split(r"[:={},\"]", pattern) if part.strip("*?")]
    return any(matches(part, slug) for part in parts for slug in slugs)
