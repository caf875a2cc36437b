"""SIGNALS: what hosts read for the alert rules. `SignalSource`: signals that a function reads now and then, on a thread
of its own; the functions of the station's own: its metrics, and how far the aggregation of readings is behind; and the
signals of the sensors of this host, from their readings and states."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.broker.broker import BrokerDown
from core.changes import ChangeGate
from core.periodic.thread import PeriodicThread
from core.readings.reading import QUANTITIES, JudgedReading, SensorState
from core.registry import resolve
from core.station_owner import StationOwner
from monitoring.alert_rules.rule import RULE_KINDS, Signal, concerns
from monitoring.metrics import StationCollector
from monitoring.models import AlertRule
from monitoring.readings.aggregation import aggregation_lag_s

log = logging.getLogger(__name__)
LATE_S = 10.0
"""How late signals may be on a busy machine before their values are unknown."""
Read = Callable[[str], Iterable[Signal]]

# By their paths: some are of the project, which monitoring does not import.
SIGNALS: dict[str, tuple[str, float, str]] = {
    "frame_age": ("host", 1.0, "monitoring.alert_rules.host_signals.frame_ages"),
    "session_waits": ("host", 1.0, "monitoring.alert_rules.host_signals.waiting_sessions"),
    "frame_delivery": ("host", 2.0, "monitoring.alert_rules.host_signals.frame_deliveries"),
    "disk_free": ("host", 10.0, "monitoring.alert_rules.host_signals.free_space"),
    "clock_unsynchronised": ("host", 10.0, "monitoring.alert_rules.host_signals.unsynchronised_clock"),
    "clock_offset": ("host", 10.0, "monitoring.alert_rules.host_signals.clock_offset"),
    "part_restarts": ("host", 5.0, "skycam_project.launch.health.restarts"),
    "metric": ("station", 15.0, "monitoring.alert_rules.signals.metric_signals"),
    "host_silent": ("station", 1.0, "monitoring.alert_rules.host_signals.silent_hosts"),
    "backlog": ("station", 10.0, "skycam_project.metrics.backlogs"),
    "aggregation_lag": ("station", 15.0, "monitoring.alert_rules.signals.aggregation_lag"),
}
"""Signal -> whether each host reads its own or one machine those of the station, the seconds between two readings, and
the function: host -> its signals now."""


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


READING_SIGNALS = ("reading", "reading_rate", "sensor_implausible", "sensor_missing")
RATE_WINDOW_MS = 600_000
"""The rate of change is that of the last ten minutes, in units an hour."""
SHORTEST_RATE_MS = 60_000
HOUR_MS = 3_600_000
MAX_POINTS = 200


ChannelId = tuple[str, str]
"""Key and quantity."""


def channel_subjects(sensor: str, channels: Iterable[ChannelId]) -> dict[ChannelId, str]:
    """The subject of each channel of a sensor: `balcony:probe`, or `balcony:probe:humidity` where several quantities
    have one key."""
    found = list(channels)
    numbers = Counter(key for key, _ in found)
    return {
        (key, quantity): f"{sensor}:{key}" if numbers[key] == 1 else f"{sensor}:{key}:{quantity}"
        for key, quantity in found
    }


def subjects_of_state(state: SensorState) -> dict[ChannelId, str]:
    return channel_subjects(state["sensor"], ((one["channel"], one["quantity"]) for one in state["channels"]))


@dataclass(slots=True)
class _Channel:
    value: float | None = None
    """The last plausible one; None while it is unknown."""
    is_implausible: bool | None = None
    history: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=MAX_POINTS))

    def record(self, reading: JudgedReading) -> None:
        self.is_implausible = reading.quality == "implausible"
        if reading.quality == "ok" and reading.value is not None:
            self.value = reading.value
            add_to_history(self.history, reading.at_ms, reading.value)
        elif reading.quality == "missing":
            # Its value is unknown now: it neither opens nor closes an alert.
            self.value = None
            self.history.clear()

    def signals(self, subject: str, quantity: str) -> Iterable[Signal]:
        unit = QUANTITIES[quantity].unit if quantity in QUANTITIES else ""
        yield Signal("reading", subject, self.value, unit)
        yield Signal("reading_rate", subject, rate_in_hour(self.history), f"{unit} an hour".strip())
        is_implausible = self.is_implausible
        yield Signal("sensor_implausible", subject, None if is_implausible is None else float(is_implausible))


@dataclass(slots=True)
class _Sensor:
    id: str
    """Its UUID: another sensor may have its name later."""
    channels: defaultdict[ChannelId, _Channel] = field(default_factory=lambda: defaultdict(_Channel))


class ReadingSignals:
    """Any thread may call `record`; `_lock` guards the values."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sensors: dict[str, _Sensor] = {}

    def record(self, readings: Iterable[JudgedReading]) -> None:
        with self._lock:
            for reading in readings:
                known = self._sensors.get(reading.name)
                if known is None or known.id != reading.sensor:
                    known = self._sensors[reading.name] = _Sensor(reading.sensor)
                known.channels[reading.channel, reading.quantity].record(reading)

    def signals(self, states: Sequence[SensorState]) -> list[Signal]:
        """The signals of all channels; a value is None while it is unknown. Sensors that are not in `states` are
        forgotten: one that is switched on again begins with unknown values."""
        with self._lock:
            names = {state["sensor"] for state in states}
            self._sensors = {name: sensor for name, sensor in self._sensors.items() if name in names}
            return [signal for state in states for signal in self._of_sensor(state)]

    def _of_sensor(self, state: SensorState) -> Iterable[Signal]:
        known = self._sensors.get(state["sensor"]) or _Sensor("")
        subjects = subjects_of_state(state)
        for channel_id, subject in subjects.items():
            channel = known.channels[channel_id] if channel_id in known.channels else _Channel()
            yield from channel.signals(subject, channel_id[1])
        yield from _missing(state, subjects)


def new_history() -> deque[tuple[int, float]]:
    return deque(maxlen=MAX_POINTS)


def add_to_history(history: deque[tuple[int, float]], at_ms: int, value: float) -> None:
    """Of the last ten minutes."""
    if history and at_ms < history[-1][0]:
        history.clear()  # the clock was set back
    # A point each few seconds is enough for a rate of minutes.
    if not history or at_ms - history[-1][0] >= RATE_WINDOW_MS // MAX_POINTS:
        history.append((at_ms, value))
    while history and at_ms - history[0][0] > RATE_WINDOW_MS:
        history.popleft()


def rate_in_hour(history: Sequence[tuple[int, float]]) -> float | None:
    """The change in an hour, from the first to the last point. None for less than a minute."""
    if len(history) < 2 or history[-1][0] - history[0][0] < SHORTEST_RATE_MS:
        return None
    (first_ms, first), (last_ms, last) = history[0], history[-1]
    return (last - first) * HOUR_MS / (last_ms - first_ms)


def _missing(state: SensorState, subjects: Mapping[ChannelId, str]) -> Iterable[Signal]:
    """One for the sensor if all its channels are missing, else one for each channel."""
    is_missing = {subjects[one["channel"], one["quantity"]]: one["quality"] == "missing" for one in state["channels"]}
    has_failed = state["state"] in {"error", "missing"} and not state["channels"]
    all_missing = has_failed or (bool(is_missing) and all(is_missing.values()))
    starting, detail = state["state"] == "starting", absence_detail(state)
    yield Signal("sensor_missing", state["sensor"], None if starting else float(all_missing), detail=detail)
    for subject, missing in is_missing.items():
        value = None if starting else float(missing and not all_missing)
        yield Signal("sensor_missing", subject, value, detail=detail)


def absence_detail(state: SensorState) -> str:
    """What the driver says of the cause, and how to see it again."""
    why = state["message"] if state["state"] == "error" else "Check its power, cable and port."
    return f"{why} Try it: skycam sensors test {state['sensor']}"
