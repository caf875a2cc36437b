"""Signals of the sensors of this host, from their readings and states. Django-free."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence

from monitoring.alert_rules.rule import Signal
from monitoring.sensors.quantities import QUANTITIES
from monitoring.sensors.reading import JudgedReading, SensorState

READING_SIGNALS = ("reading", "reading_rate", "sensor_implausible", "sensor_missing")
RATE_WINDOW_MS = 600_000
"""The rate of change is that of the last ten minutes, in units an hour."""
SHORTEST_RATE_MS = 60_000
HOUR_MS = 3_600_000
MAX_POINTS = 200


class ReadingSignals:
    """Any thread may call `record`; `_lock` guards the values."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, tuple[float, str]] = {}
        self._history: dict[str, deque[tuple[int, float]]] = {}
        self._implausible: dict[str, bool] = {}

    def record(self, readings: Iterable[JudgedReading]) -> None:
        with self._lock:
            for reading in readings:
                self._record(reading)

    def signals(self, states: Sequence[SensorState]) -> list[Signal]:
        """The signals of all channels; a value is None while it is unknown."""
        with self._lock:
            found = [
                signal
                for state in states
                for channel in state["channels"]
                for signal in self._of_channel(f"{state['sensor']}:{channel['channel']}")
            ]
        return found + [signal for state in states for signal in _missing(state)]

    def _of_channel(self, subject: str) -> Iterable[Signal]:
        value, unit = self._values.get(subject, (None, ""))
        yield Signal("reading", subject, value, unit)
        yield Signal("reading_rate", subject, rate_in_hour(self._history.get(subject, ())), f"{unit} an hour".strip())
        is_implausible = self._implausible.get(subject)
        yield Signal("sensor_implausible", subject, None if is_implausible is None else float(is_implausible))

    def _record(self, reading: JudgedReading) -> None:
        subject = f"{reading.name}:{reading.channel}"
        self._implausible[subject] = reading.quality == "implausible"
        if reading.quality == "ok" and reading.value is not None:
            unit = QUANTITIES[reading.quantity].unit if reading.quantity in QUANTITIES else ""
            self._values[subject] = (reading.value, unit)
            add_to_history(self._history.setdefault(subject, new_history()), reading.at_ms, reading.value)
        elif reading.quality == "missing":
            # Its value is unknown now: it neither opens nor closes an alert.
            self._values.pop(subject, None)
            self._history.pop(subject, None)


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


def _missing(state: SensorState) -> Iterable[Signal]:
    """One for the sensor if all its channels are missing, else one for each channel."""
    is_missing = {f"{state['sensor']}:{one['channel']}": one["quality"] == "missing" for one in state["channels"]}
    has_failed = state["state"] in {"error", "missing"} and not state["channels"]
    all_missing = has_failed or (bool(is_missing) and all(is_missing.values()))
    starting = state["state"] == "starting"
    yield Signal("sensor_missing", state["sensor"], None if starting else float(all_missing))
    for subject, missing in is_missing.items():
        yield Signal("sensor_missing", subject, None if starting else float(missing and not all_missing))
