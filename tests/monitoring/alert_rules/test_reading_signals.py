"""The signals of sensors."""

from __future__ import annotations

from typing import Any

from core.readings.reading import ChannelReading, JudgedReading, SensorState
from monitoring.alert_rules.rule import Rule, Signal, alert_sentence
from monitoring.alert_rules.signals import ReadingSignals

MINUTE_MS = 60_000


def state() -> SensorState:
    channel = ChannelReading(
        channel="t", quantity="temperature", label="", main=True, value=1.0, quality="ok", at="2026-11-22T20:00:00Z"
    )
    return SensorState(
        sensor="balcony", kind="simulated", host="main", interval_s=2.0, state="ok", message="", since="",
        channels=[channel],
    )  # fmt: skip


def reading(at_ms: int, value: float, quantity: str = "temperature", sensor: str = "id") -> JudgedReading:
    return JudgedReading(sensor, "balcony", "t", quantity, "", at_ms, value, "ok")


def values(signals: ReadingSignals, *states: SensorState) -> dict[str, float | None]:
    return {one.subject: one.value for one in signals.signals(states) if one.name == "reading"}


def rate(signals: ReadingSignals) -> tuple[float | None, str]:
    found = next(signal for signal in signals.signals([state()]) if signal.name == "reading_rate")
    return found.value, found.unit


def test_a_rate_is_the_change_in_an_hour() -> None:
    signals = ReadingSignals()
    signals.record(reading(minute * MINUTE_MS, minute * 0.1) for minute in range(6))
    value, unit = rate(signals)
    assert round(value or 0, 6) == 6.0
    assert unit == "°C an hour"


def test_a_rate_is_not_known_after_the_clock_was_set_back() -> None:
    signals = ReadingSignals()
    signals.record(reading((100 + minute) * MINUTE_MS, minute * 0.1) for minute in range(6))
    signals.record([reading(0, 1.0), reading(4000, 1.0)])
    assert rate(signals)[0] is None
    signals.record(reading(minute * MINUTE_MS, 1.0) for minute in range(1, 4))
    assert rate(signals)[0] == 0.0


def test_two_quantities_of_one_key_have_subjects_of_their_own() -> None:
    both = state()
    both["channels"].append({**both["channels"][0], "quantity": "humidity"})
    signals = ReadingSignals()
    signals.record([reading(0, 21.0), reading(0, 60.0, "humidity")])
    assert values(signals, both) == {"balcony:t:temperature": 21.0, "balcony:t:humidity": 60.0}


def test_the_value_of_a_removed_sensor_is_not_that_of_the_next_one_with_its_name() -> None:
    signals = ReadingSignals()
    signals.record([reading(0, 40.0)])
    signals.signals([])
    assert values(signals, state()) == {"balcony:t": None}


def test_another_sensor_with_the_same_name_has_no_history() -> None:
    signals = ReadingSignals()
    signals.record(reading(minute * MINUTE_MS, minute * 0.1) for minute in range(6))
    signals.record([reading(6 * MINUTE_MS, 30.0, sensor="another")])
    assert rate(signals)[0] is None


def missing(**changes: Any) -> Signal:
    """The signal of the absence of a sensor whose state has these changes."""
    broken = state()
    broken["channels"][0]["quality"] = "missing"
    found = ReadingSignals().signals([SensorState(**{**broken, **changes})])
    return next(signal for signal in found if signal.subject == "balcony")


def test_the_alert_of_a_missing_sensor_says_what_its_driver_says_and_how_to_try_it() -> None:
    signal = missing(state="error", message="The port /dev/ttyUSB0 does not exist. Plug in the adapter.")
    assert alert_sentence(Rule("absent", "sensor_missing", "*", 0.5), signal, 0.0) == (
        "balcony gives no values. The port /dev/ttyUSB0 does not exist. Plug in the adapter. "
        "Try it: skycam sensors test balcony"
    )


def test_the_alert_of_a_silent_sensor_says_what_to_check() -> None:
    signal = missing(state="missing", message="balcony has sent nothing for 6 s.")
    assert signal.detail == "Check its power, cable and port. Try it: skycam sensors test balcony"
