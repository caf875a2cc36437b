"""Rules and maintenance windows from the database, or from a file while that is away."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from core.events.models import Alert
from monitoring.alert_rules.rule import RULE_KINDS, Rule, Signal, concerns
from monitoring.models import AlertRule, MaintenanceWindow

KEY = "rule:"
"""Begins the keys of alerts that rules open: `rule:<rule>:<subject>`."""
KEY_LENGTH = 120
DIGEST_LENGTH = 16
WINDOWS_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Times in seconds since 1970."""

    subject: str
    begins_s: float
    ends_s: float

    def runs(self, wall_s: float) -> bool:
        return self.begins_s <= wall_s < self.ends_s


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The enabled rules, and the windows of the next day."""

    rules: tuple[Rule, ...] = ()
    windows: tuple[Window, ...] = ()

    def split(self, signals: Iterable[Signal], wall_s: float) -> tuple[list[Signal], list[Signal]]:
        """The signals whose rules are evaluated now, and those in maintenance."""
        running = [window for window in self.windows if window.runs(wall_s)]
        in_use: list[Signal] = []
        in_maintenance: list[Signal] = []
        for signal in signals:
            is_covered = any(concerns(window.subject, signal.subject) for window in running)
            (in_maintenance if is_covered else in_use).append(signal)
        return in_use, in_maintenance


def read_rule_book() -> RuleBook:
    """Rules of kinds that this version does not have are left out."""
    now = timezone.now()
    windows = MaintenanceWindow.objects.filter(ends_at__gt=now, begins_at__lt=now + WINDOWS_AHEAD)
    return RuleBook(
        tuple(rule_of(row) for row in AlertRule.objects.filter(enabled=True) if row.kind in RULE_KINDS),
        tuple(Window(one.subject, one.begins_at.timestamp(), one.ends_at.timestamp()) for one in windows),
    )


def rule_of(row: AlertRule) -> Rule:
    return Rule(
        row.name, row.kind, row.subject, row.threshold, row.clear, row.for_s, row.clear_for_s, row.severity, row.label
    )


def alert_key(rule: str, subject: str) -> str:
    """At most the 120 characters of the column. The end of a longer one is a digest, so that two long subjects have
    alerts of their own."""
    key = f"{KEY}{rule}:{subject}"
    if len(key) <= KEY_LENGTH:
        return key
    return f"{key[: KEY_LENGTH - DIGEST_LENGTH - 1]}~{hashlib.sha256(key.encode()).hexdigest()[:DIGEST_LENGTH]}"


def rule_alerts(rule: str = "") -> list[Alert]:
    """The unresolved alerts of one rule, or of all."""
    found = Alert.objects.filter(key__startswith=f"{KEY}{rule}:" if rule else KEY)
    return list(found.exclude(state=Alert.State.RESOLVED))


def unresolved_rule_alerts() -> list[Alert]:
    """Those of rules that hosts evaluate; not those of rules on events."""
    return [alert for alert in rule_alerts() if "event" not in alert.data]


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which alerts a host opens and closes: its own of the signals that it reads, and all of those that it reads for
    the station, which another machine may have read before."""

    host: str
    host_signals: frozenset[str]
    station_signals: frozenset[str]

    def owns(self, alert: Alert, rules: Mapping[str, Rule]) -> bool:
        rule = rules.get(alert.data.get("rule", ""))
        is_from_here: bool = alert.data.get("host") == self.host
        if rule is None:
            return is_from_here
        signal = rule.rule_kind.signal
        return signal in self.station_signals or (is_from_here and signal in self.host_signals)


def open_places(ownership: Ownership, rules: Iterable[Rule]) -> list[tuple[str, str]]:
    """Rule and subject of the open alerts of this host."""
    by_name = {rule.name: rule for rule in rules}
    return [
        (alert.data["rule"], alert.data["subject"])
        for alert in unresolved_rule_alerts()
        if ownership.owns(alert, by_name) and alert.data.get("rule") in by_name
    ]


class RuleFile:
    """The rule book of the last time at which the database was there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stored: RuleBook | None = None

    def store(self, book: RuleBook) -> None:
        """OSError."""
        if book == self._stored:
            return
        new = self._path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(book), file)
            file.flush()
            os.fsync(descriptor)
        new.replace(self._path)
        self._stored = book

    def read(self) -> RuleBook:
        """Empty without a file, or with one that cannot be read."""
        try:
            found = json.loads(self._path.read_bytes())
            return RuleBook(
                tuple(rule for one in found["rules"] if (rule := Rule(**one)).kind in RULE_KINDS),
                tuple(Window(**one) for one in found["windows"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return RuleBook()
