"""`SignalSource`: signals that a function reads now and then, on a thread of its own; and the functions of the
station's own: its metrics, and how far the aggregation of readings is behind."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from core.broker.broker import BrokerDown
from core.changes.gate import ChangeGate
from core.periodic.thread import PeriodicThread
from core.registry import resolve
from core.station_owner import StationOwner
from monitoring.alert_rules.kinds import RULE_KINDS
from monitoring.alert_rules.rule import Signal, concerns
from monitoring.metrics import StationCollector
from monitoring.models import AlertRule
from monitoring.readings.aggregation import aggregation_lag_s
from monitoring.tables import SIGNALS

log = logging.getLogger(__name__)
LATE_S = 10.0
"""How late signals may be on a busy machine before their values are unknown."""
Read = Callable[[str], Iterable[Signal]]


class SignalSource:
    """Its thread replaces the newest signals; any thread may ask for them. A source that hangs or fails has unknown
    values: they neither open nor close an alert."""

    def __init__(self, name: str, read: Read, host: str, every_s: float, clock: Callable[[], float] = time.monotonic):
        self.name = name
        self._read_signals, self._host, self._every_s, self._clock = read, host, every_s, clock
        self._newest: tuple[float, Sequence[Signal]] | None = None
        self._broker_away = False
        self._thread = PeriodicThread("signals", self.read, subject=name, interval_s=every_s)

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        self._thread.request_stop()

    def read(self) -> None:
        try:
            found = list(self._read_signals(self._host))
        except BrokerDown as error:
            # Once for each outage: the broker has a finding of health and an alert of its own.
            if not self._broker_away:
                log.warning("The signals %s are unknown: %s", self.name, error)
            self._broker_away = True
            return
        self._broker_away, self._newest = False, (self._clock(), found)

    def signals(self) -> Sequence[Signal] | None:
        """None before the first reading."""
        if self._newest is None:
            return None
        read_at, found = self._newest
        if self._clock() - read_at <= self._every_s + LATE_S:
            return found
        return [signal._replace(value=None) for signal in found]


def signal_sources(host: str, *, whole_station: bool) -> list[SignalSource]:
    """The sources of a host. Signals of the whole station are evaluated on one machine only: see `RuleWatch`."""
    return [
        SignalSource(name, resolve(path), host, every_s)
        for name, (scope, every_s, path) in SIGNALS.items()
        if whole_station or scope == "host"
    ]


KINDS = [name for name, kind in RULE_KINDS.items() if kind.signal == "metric"]
MOST = 2_000
"""Signals of one reading: a rule with the subject * must not watch the whole station."""


_subjects: list[str] = []
"""Of the enabled rules on metrics."""
_gate = ChangeGate()


def _read_subjects() -> None:
    _subjects[:] = AlertRule.objects.filter(enabled=True, kind__in=KINDS).values_list("subject", flat=True)


def metric_signals(_host: str) -> Iterator[Signal]:
    """Those that a rule concerns. Nothing is collected without such a rule. DatabaseError."""
    _gate.call(_read_subjects)
    if not (subjects := _subjects):
        return
    number = 0
    for metric in StationCollector(StationOwner()).collect():
        for sample in metric.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            if not any(concerns(subject, name) for subject in subjects):
                continue
            number += 1
            if number > MOST:
                return
            slug = sample.labels.get("camera")
            # Rows without a UUID are hidden by the slug.
            yield Signal("metric", name, float(sample.value), "", ("", slug) if slug else None)


def aggregation_lag(_host: str) -> Iterator[Signal]:
    """In seconds. DatabaseError."""
    yield Signal("aggregation_lag", "station", aggregation_lag_s(time.time()), "s")
