"""`RuleWatch`: evaluates the rules of a host each half second, and opens and closes their alerts. Those that no host
closes any more are closed by the station."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.db import DatabaseError, connection

from core import database_clock
from core.background import log_and_continue
from core.camera_names import CameraName
from core.changes import ChangeGate
from core.events.models import Alert
from core.events.service import raise_alert, resolve_alert
from core.periodic.thread import PeriodicThread
from core.readings.reading import JudgedReading, SensorState
from monitoring.alert_rules.engine import Change, Place, RuleEngine
from monitoring.alert_rules.rows import (
    Ownership,
    RuleBook,
    RuleFile,
    alert_key,
    open_places,
    read_rule_book,
    unresolved_rule_alerts,
)
from monitoring.alert_rules.rule import Rule, Signal
from monitoring.alert_rules.signals import READING_SIGNALS, SIGNALS, ReadingSignals, SignalSource
from monitoring.models import AlertRule

log = logging.getLogger(__name__)

SILENT = timedelta(days=7)
"""A host that was not there for so long is taken as gone. It opens its alerts again if it returns."""


def close_orphaned_alerts() -> None:
    """Those of rules that were removed or switched off while their host was away, and those of hosts that are gone. A
    host that is there compares its alerts each minute, which sets `last_seen_at`."""
    # Read before the rules: an alert of a rule that is added meanwhile is not among them.
    found, now = unresolved_rule_alerts(), database_clock.estimate()
    rules = set(AlertRule.objects.filter(enabled=True).values_list("name", flat=True))
    for alert in found:
        if alert.data.get("rule") not in rules:
            resolve_alert(alert.key, "Its rule was changed or removed.")
        elif now - alert.last_seen_at >= SILENT:
            resolve_alert(alert.key, f"The host {alert.data.get('host')} has not reported for {SILENT.days} days.")


RECONCILE_S = 60.0
RECONCILE_LOST_S = 3600.0
"""After this time, a comparison that has not run is taken as dropped from the queue of writes."""
AddWrite = Callable[[Callable[[], object]], None]


class RuleWatch:
    """`states` returns None until the sensors of this host are known.

    Two threads: one reads the rules and may wait for the database; the other evaluates them and waits for nothing.
    Alerts are written by `add_write`, later if the database is away."""

    def __init__(
        self,
        host: str,
        data: Path,
        states: Callable[[], list[SensorState] | None],
        sources: Sequence[SignalSource],
        add_write: AddWrite,
        owns_station: Callable[[], bool],
    ) -> None:
        """`owns_station`: whether this process, of all in the station, evaluates the signals of the whole station; it
        may wait for the database."""
        self._host, self._states, self._sources, self._add_write = host, states, sources, add_write
        self._file = RuleFile(data / "alert-rules.json")
        self._readings = ReadingSignals()
        self._engine = RuleEngine()
        self._book: RuleBook | None = None
        """The newest one; replaced whole by the reader."""
        self._used: RuleBook | None = None
        self._to_adopt: list[Place] | None = None
        self._reader = PeriodicThread("alert-rules", self.read_rules)
        self._evaluator = PeriodicThread("alert-rules-evaluate", self.evaluate)
        self._has_adopted = False
        self._gate = ChangeGate()
        self._owns_station, self._has_station = owns_station, False
        self._reconciled_at = time.monotonic()
        self._is_reconciled = True
        station = {name for name, (scope, _, _) in SIGNALS.items() if scope == "station"}
        names = {source.name for source in sources}
        self._host_signals, self._station_signals = frozenset(names - station) | set(READING_SIGNALS), names & station

    @property
    def _ownership(self) -> Ownership:
        return Ownership(self._host, self._host_signals, frozenset(self._station_signals if self._has_station else ()))

    def start(self) -> None:
        for source in self._sources:
            source.start()
        self._reader.start()
        self._evaluator.start()

    def stop(self) -> None:
        for source in self._sources:
            source.request_stop()
        self._reader.request_stop()
        self._evaluator.stop(2.0)

    def record_readings(self, readings: Iterable[JudgedReading]) -> None:
        self._readings.record(readings)

    def read_rules(self) -> None:
        """From the database, or from the file while that is away."""
        had_station, self._has_station = self._has_station, bool(self._station_signals) and self._owns_station()
        # Those of the station were opened by the machine that evaluated its signals before.
        self._has_adopted = self._has_adopted and self._has_station <= had_station
        try:
            found = self._gate.call(self._read) if self._has_adopted else self._gate.call_now(self._read)
        except DatabaseError as error:
            connection.close()
            if self._book is None:
                log.warning(
                    "The database is away (%s): the alert rules are those of the last start.", type(error).__name__
                )
                self._book = self._file.read()
            return
        if found is None:
            return
        book, places = found
        # In this order: alerts are adopted by the rules of the same book.
        self._book = book
        if places is not None:
            self._to_adopt, self._has_adopted = places, True
        with log_and_continue("alert-rules-file"):
            self._file.store(book)

    def _read(self) -> tuple[RuleBook, list[Place] | None]:
        book = read_rule_book()
        return book, None if self._has_adopted else open_places(self._ownership, book.rules)

    def evaluate(self) -> None:
        book, now = self._book, time.monotonic()
        if book is None:
            return
        changes: list[Change] = []
        for name in () if self._has_station else self._station_signals:
            self._engine.forget(name, set())  # their alerts stay open: another machine closes them
        if book is not self._used:
            changes += self._engine.set_rules(book.rules)
            self._used = book
        if self._to_adopt is not None:
            self._engine.adopt(self._to_adopt, now)
            self._to_adopt = None
        wanted = self._engine.signals_wanted()
        for name, signals in self._signals_by_name().items():
            if name in wanted:
                in_use, in_maintenance = book.split(signals, time.time())
                self._engine.pause(in_maintenance, now)
                changes += self._engine.evaluate(in_use, now)
                changes += self._engine.forget(name, {one.subject for one in signals})
        for change in changes:
            self._add_write(partial(apply_change, self._host, change))
        self._reconcile(book, now)

    def _reconcile(self, book: RuleBook, now: float) -> None:
        """Each minute, behind all changes in the queue of writes: the alerts in the database become those that are
        open here. The queue is bounded, and a change may have been dropped from it."""
        since = now - self._reconciled_at
        is_due = since >= (RECONCILE_S if self._is_reconciled else RECONCILE_LOST_S)
        if not is_due or not self._has_adopted or self._to_adopt is not None:
            return
        self._reconciled_at, self._is_reconciled = now, False
        rules = {rule.name: rule for rule in book.rules}
        open_now, ownership = self._engine.open_changes(now), self._ownership

        def write() -> None:
            reconcile_alerts(ownership, rules, open_now)
            self._is_reconciled = True

        self._add_write(write)

    def _signals_by_name(self) -> dict[str, list[Signal]]:
        """Without those that were not read yet: that a subject is not among the others says nothing then."""
        known = [source for source in self._sources if self._has_station or source.name not in self._station_signals]
        found = {source.name: list(read) for source in known if (read := source.signals()) is not None}
        states = self._states()
        if states is not None:
            found |= {name: [] for name in READING_SIGNALS}
            for signal in self._readings.signals(states):
                found[signal.name].append(signal)
        return found


def apply_change(host: str, change: Change) -> None:
    """In a transaction."""
    rule, signal = change.rule, change.signal
    key = alert_key(rule.name, signal.subject)
    if change.action == "close":
        resolve_alert(key, change.sentence)
        return
    camera = CameraName(*signal.camera) if signal.camera else None
    data = {
        "rule": rule.name,
        "subject": signal.subject,
        "host": host,
        "value": signal.value,
        # Of weather or a dome, a person wants to see the site.
        "site_picture": signal.name in READING_SIGNALS,
    }
    raise_alert(key, change.sentence, severity=rule.severity, camera=camera, data=data, host=host)


def reconcile_alerts(ownership: Ownership, rules: Mapping[str, Rule], open_now: Sequence[Change]) -> None:
    """In a transaction. `last_seen_at` of an alert that is open is the time of this comparison."""
    expected = {alert_key(change.rule.name, change.signal.subject): change for change in open_now}
    found = {alert.key: alert for alert in unresolved_rule_alerts() if ownership.owns(alert, rules)}
    for key in found.keys() - expected.keys():
        resolve_alert(key)
    for key, change in expected.items():
        if key not in found and change.sentence:
            apply_change(ownership.host, change)
    seen = [alert.pk for key, alert in found.items() if key in expected]
    Alert.objects.filter(pk__in=seen).update(last_seen_at=database_clock.now())
