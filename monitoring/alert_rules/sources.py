"""`SignalSource`: signals that a function reads now and then, on a thread of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from core.broker.broker import BrokerDown
from core.periodic.thread import PeriodicThread
from core.registry import resolve
from monitoring.alert_rules.rule import Signal
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
