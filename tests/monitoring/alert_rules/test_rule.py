"""When the alert of a rule opens and closes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alert_rules.engine import Change, RuleEngine
from monitoring.alert_rules.rule import (
    RULE_KINDS,
    Rule,
    RuleState,
    Signal,
    concerns,
    condition_text,
    evaluate,
    with_unit,
)


def phases(rule: Rule, *values: float | None) -> list[str]:
    """The phase after each value, one a second."""
    state, found = RuleState(), []
    for now, value in enumerate(values):
        state = evaluate(rule, state, value, float(now))
        found.append(state.phase.value)
    return found


HOT = Rule("hot", "reading_above", "balcony:t", 30.0)


def test_a_value_beyond_the_threshold_opens_at_once() -> None:
    assert phases(HOT, 30.0, 30.1) == ["inactive", "firing"]


def test_below_is_the_mirror_of_above() -> None:
    cold = Rule("cold", "reading_below", "balcony:t", 0.0)
    assert phases(cold, 0.0, -0.1, 0.1) == ["inactive", "firing", "inactive"]


def test_a_value_must_last_for_its_time() -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, for_s=2)
    assert phases(rule, 31, 31, 31) == ["pending", "pending", "firing"]


def test_a_value_that_does_not_last_opens_nothing() -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, for_s=2)
    assert phases(rule, 31, 29, 31, 31) == ["pending", "inactive", "pending", "pending"]


def test_between_threshold_and_clear_the_alert_stays() -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, clear=25.0)
    assert phases(rule, 31, 27, 25) == ["firing", "firing", "inactive"]


def test_a_clear_value_must_last_for_its_time() -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, clear_for_s=2)
    assert phases(rule, 31, 20, 20, 20) == ["firing", "clearing", "clearing", "inactive"]


def test_a_value_that_returns_keeps_the_alert_open() -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, clear_for_s=2)
    assert phases(rule, 31, 20, 31, 20) == ["firing", "clearing", "firing", "clearing"]


def test_an_unknown_value_neither_opens_nor_closes() -> None:
    assert phases(HOT, None, 31, None) == ["inactive", "firing", "firing"]


def test_an_unknown_value_does_not_count_as_lasting() -> None:
    rule = Rule("hot", "reading_above", "*", 30.0, for_s=2)
    assert phases(rule, 31, None, None, None, 31) == ["pending", "pending", "pending", "pending", "firing"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_neither_opens_nor_closes(value: float) -> None:
    assert phases(HOT, value, 31, value) == ["inactive", "firing", "firing"]


@given(st.lists(st.one_of(st.none(), st.floats(-100, 100)), max_size=50))
def test_an_alert_is_never_open_without_a_value_beyond_the_threshold(values: list[float | None]) -> None:
    opened = [phase in {"firing", "clearing"} for phase in phases(HOT, *values)]
    beyond = [
        any(value is not None and value > 30.0 for value in values[: number + 1]) for number in range(len(values))
    ]
    assert all(is_beyond for is_open, is_beyond in zip(opened, beyond, strict=True) if is_open)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("*", "balcony:t", True),
        ("balcony", "balcony:t", True),
        ("balcony", "balcony", True),
        ("balcony:t", "balcony:h", False),
        ("bal*:t", "balcony:t", True),
        ("balcony", "balcony2:t", False),
        ("balcony:t", "balcony:t:humidity", True),
        ("balcony:t:humidity", "balcony:t:humidity", True),
        ("balcony:t:humidity", "balcony:t", False),
        ("balcony:t", "balcony:t2:humidity", False),
    ],
)
def test_patterns_of_subjects(pattern: str, subject: str, *, expected: bool) -> None:
    assert concerns(pattern, subject) is expected


@pytest.fixture
def engine() -> RuleEngine:
    engine = RuleEngine()
    engine.set_rules([HOT])
    return engine


def reading(value: float | None, subject: str = "balcony:t") -> Signal:
    return Signal("reading", subject, value, "°C")


def actions(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.action, change.signal.subject) for change in changes]


def test_an_alert_says_what_is_wrong(engine: RuleEngine) -> None:
    (change,) = engine.evaluate([reading(31.25)], 0.0)
    assert change.sentence == "balcony:t is 31.25 °C, above 30 °C."


def test_an_alert_opens_and_closes_once(engine: RuleEngine) -> None:
    changes = [engine.evaluate([reading(value)], float(now)) for now, value in enumerate([31, 32, 20, 20])]
    assert [actions(found) for found in changes] == [[("open", "balcony:t")], [], [("close", "balcony:t")], []]


def test_other_subjects_do_not_concern_a_rule(engine: RuleEngine) -> None:
    assert engine.evaluate([reading(31, "roof:t")], 0.0) == []


def test_a_changed_rule_closes_its_alerts(engine: RuleEngine) -> None:
    engine.evaluate([reading(31)], 0.0)
    assert actions(engine.set_rules([Rule("hot", "reading_above", "balcony:t", 40.0)])) == [("close", "balcony:t")]


def test_an_unchanged_rule_keeps_its_alerts_when_others_change(engine: RuleEngine) -> None:
    engine.evaluate([reading(31)], 0.0)
    assert engine.set_rules([HOT, Rule("cold", "reading_below", "*", 0.0)]) == []
    assert engine.evaluate([reading(31)], 1.0) == []


def test_a_subject_that_is_gone_closes_its_alerts(engine: RuleEngine) -> None:
    engine.evaluate([reading(31)], 0.0)
    assert actions(engine.forget("reading", set())) == [("close", "balcony:t")]


def test_an_alert_of_an_earlier_process_closes_when_its_value_is_clear(engine: RuleEngine) -> None:
    engine.adopt([("hot", "balcony:t")], 0.0)
    assert engine.evaluate([reading(None)], 1.0) == []
    assert actions(engine.evaluate([reading(20)], 2.0)) == [("close", "balcony:t")]


def test_an_alert_of_an_earlier_process_is_not_opened_again(engine: RuleEngine) -> None:
    engine.adopt([("hot", "balcony:t")], 0.0)
    assert engine.evaluate([reading(31)], 1.0) == []


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_each_kind_has_a_whole_sentence(kind: str) -> None:
    sentence = RULE_KINDS[kind].sentence.format(subject="s", value="v", threshold="t", lasted="", detail="d.")
    assert sentence.endswith(".")


def test_brackets_in_a_pattern_are_no_wildcards() -> None:
    assert concerns("main:/disk[1]", "main:/disk[1]")
    assert not concerns("main:/disk[1]", "main:/disk1")


def test_an_inactive_rule_takes_no_memory(engine: RuleEngine) -> None:
    engine.evaluate([reading(31)], 0.0)
    assert len(engine) == 2
    engine.evaluate([reading(20)], 1.0)
    assert len(engine) == 1


def test_subjects_that_are_gone_take_no_memory(engine: RuleEngine) -> None:
    engine.evaluate([reading(20, f"sensor{number}:t") for number in range(100)], 0.0)
    engine.forget("reading", {"sensor1:t"})
    assert len(engine) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule("a", "clock_offset", "*", 0.5, 0.2, for_s=60), "above 0.5 s for 60 s, closes at 0.2 s"),
        (Rule("a", "disk_below", "*", 10), "below 10 %"),
        (Rule("a", "sensor_missing", "*", 0.5, for_s=300), "while it is so for 5 min"),
        (Rule("a", "event", "session.gap", 3, for_s=600), "3 events within 10 min"),
        (Rule("a", "event", "session.gap", 1), "an event"),
    ],
)
def test_a_condition_is_a_phrase(rule: Rule, text: str) -> None:
    assert condition_text(rule, rule.rule_kind.unit) == text


def test_the_sentence_tells_a_value_from_its_threshold(engine: RuleEngine) -> None:
    (change,) = engine.evaluate([reading(30.00004)], 0.0)
    assert change.sentence == "balcony:t is 30.00004 °C, above 30 °C."


@pytest.mark.parametrize(
    ("value", "text"), [(-0.0, "0 °C"), (31.256, "31.26 °C"), (1_234_567.8, "1234568 °C"), (1013.25, "1013.25 °C")]
)
def test_a_number_has_no_more_digits_than_people_read(value: float, text: str) -> None:
    assert with_unit(value, "°C") == text


LASTING = Rule("hot", "reading_above", "balcony:t", 30.0, for_s=10, clear_for_s=10)


@pytest.fixture
def slow_engine() -> RuleEngine:
    engine = RuleEngine()
    engine.set_rules([LASTING])
    return engine


def test_the_time_in_a_maintenance_window_does_not_count(slow_engine: RuleEngine) -> None:
    slow_engine.evaluate([reading(31)], 0.0)
    slow_engine.pause([reading(31)], 9.0)
    assert slow_engine.evaluate([reading(31)], 100.0) == []
    assert actions(slow_engine.evaluate([reading(31)], 110.0)) == [("open", "balcony:t")]


def test_an_alert_does_not_close_by_the_time_in_a_maintenance_window(slow_engine: RuleEngine) -> None:
    slow_engine.adopt([("hot", "balcony:t")], 0.0)
    slow_engine.evaluate([reading(20)], 0.0)
    slow_engine.pause([reading(20)], 9.0)
    assert slow_engine.evaluate([reading(20)], 100.0) == []
    assert actions(slow_engine.evaluate([reading(20)], 110.0)) == [("close", "balcony:t")]


def test_a_value_that_may_be_greater_does_not_close_an_alert(engine: RuleEngine) -> None:
    engine.adopt([("hot", "balcony:t")], 0.0)
    assert engine.evaluate([reading(20)._replace(is_at_least=True)], 1.0) == []
    assert actions(engine.evaluate([reading(20)], 2.0)) == [("close", "balcony:t")]


def test_a_value_that_may_be_greater_opens_an_alert(engine: RuleEngine) -> None:
    assert actions(engine.evaluate([reading(31)._replace(is_at_least=True)], 1.0)) == [("open", "balcony:t")]
