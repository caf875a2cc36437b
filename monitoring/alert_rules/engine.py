"""`RuleEngine`: all rules of a host against all its signals; and a rule over values of the past, by the same
`evaluate` as now. Pure and Django-free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from monitoring.alert_rules.rule import Judgement, Phase, Rule, RuleState, Signal, alert_sentence, evaluate, judge

Place = tuple[str, str]
"""Rule's name and subject."""
INACTIVE = RuleState()


class Change(NamedTuple):
    """An alert to open or to close. `sentence` says what is wrong, or why it closes although nothing is known of its
    value."""

    action: Literal["open", "close"]
    rule: Rule
    signal: Signal
    sentence: str = ""


class RuleEngine:
    """Used by one thread. Rules that concern a subject are found once for each: rules and subjects change rarely, their
    values each second."""

    def __init__(self) -> None:
        self._by_signal: dict[str, list[Rule]] = {}
        self._rules: dict[str, Rule] = {}
        self._concerned: dict[tuple[str, str], list[Rule]] = {}
        self._states: dict[Place, RuleState] = {}
        self._subjects: dict[Place, Signal] = {}

    def set_rules(self, rules: Iterable[Rule]) -> list[Change]:
        """Replace the rules. A rule that is gone, or is another one now, closes its alerts."""
        new = {rule.name: rule for rule in rules}
        ended = {name for name, rule in self._rules.items() if new.get(name) != rule}
        changes = self._drop([place for place in self._states if place[0] in ended], "Its rule was changed or removed.")
        if ended or new.keys() != self._rules.keys():
            self._rules, self._concerned = new, {}
            by_signal = defaultdict(list)
            for rule in new.values():
                by_signal[rule.rule_kind.signal].append(rule)
            self._by_signal = dict(by_signal)
        return changes

    def adopt(self, places: Iterable[Place], now: float) -> None:
        """Alerts that are open already, after a restart: they close when their value is clear."""
        for name, subject in places:
            rule = self._rules.get(name)
            if rule is not None and (name, subject) not in self._states:
                self._states[name, subject] = RuleState(Phase.FIRING, now, now)
                self._subjects[name, subject] = Signal(rule.rule_kind.signal, subject, None)

    def __len__(self) -> int:
        """States and subjects in memory."""
        return len(self._states) + len(self._concerned)

    def signals_wanted(self) -> set[str]:
        """Names of the signals that some rule watches."""
        return set(self._by_signal)

    def evaluate(self, signals: Iterable[Signal], now: float) -> list[Change]:
        changes = []
        for signal in signals:
            for rule in self._rules_for(signal):
                place = (rule.name, signal.subject)
                before = self._states.get(place, INACTIVE)
                after = evaluate(rule, before, known_value(rule, signal), now)
                if after is before:
                    continue
                self._store(place, after, signal)
                if after.is_open and not before.is_open:
                    sentence = alert_sentence(rule, signal, now - after.beyond_since)
                    changes.append(Change("open", rule, signal, sentence))
                elif before.is_open and not after.is_open:
                    changes.append(Change("close", rule, signal))
        return changes

    def pause(self, signals: Iterable[Signal], now: float) -> None:
        """Of subjects in maintenance: open alerts stay open, and no time counts, neither this nor that before."""
        for signal in signals:
            for rule in self._rules_for(signal):
                place = (rule.name, signal.subject)
                state = self._states.get(place, INACTIVE)
                if state.phase == Phase.PENDING:
                    self._store(place, INACTIVE, signal)
                elif state.phase == Phase.CLEARING:
                    self._states[place] = RuleState(Phase.FIRING, now, state.beyond_since)

    def forget(self, name: str, still_there: set[str]) -> list[Change]:
        """Close the alerts of subjects of the signal `name` that do not exist any more: a camera that was removed."""
        for key in [key for key in self._concerned if key[0] == name and key[1] not in still_there]:
            del self._concerned[key]
        gone = [
            place
            for place, signal in self._subjects.items()
            if signal.name == name and signal.subject not in still_there
        ]
        return self._drop(gone, "Its subject does not exist any more.")

    def open_changes(self, now: float) -> list[Change]:
        """What would open all alerts that are open now. Those whose value is not known since the start are in it, too,
        without a sentence."""
        return [
            Change("open", rule, signal, "" if signal.value is None else alert_sentence(rule, signal, now - since))
            for place, signal in self._subjects.items()
            if self._states[place].is_open
            for rule, since in [(self._rules[place[0]], self._states[place].beyond_since)]
        ]

    def _store(self, place: Place, state: RuleState, signal: Signal) -> None:
        """Inactive ones are not stored: with many rules and subjects there would be millions."""
        if state.phase == Phase.INACTIVE:
            self._states.pop(place, None)
            self._subjects.pop(place, None)
        else:
            self._states[place], self._subjects[place] = state, signal

    def _drop(self, places: list[Place], why: str) -> list[Change]:
        changes = []
        for place in places:
            state, signal = self._states.pop(place), self._subjects.pop(place)
            if state.is_open:
                changes.append(Change("close", self._rules[place[0]], signal, why))
        return changes

    def _rules_for(self, signal: Signal) -> list[Rule]:
        key = (signal.name, signal.subject)
        found = self._concerned.get(key)
        if found is None:
            found = [rule for rule in self._by_signal.get(signal.name, []) if rule.concerns(signal.subject)]
            self._concerned[key] = found
        return found


def known_value(rule: Rule, signal: Signal) -> float | None:
    """None for a value that may be greater, unless what is known of it is beyond the threshold already."""
    if signal.is_at_least and judge(rule, signal.value) != Judgement.BEYOND:
        return None
    return signal.value


class Sample(NamedTuple):
    """`value` is valid from `at_s`, in seconds since 1970, until the next sample. `after_gap`: no one measured
    before."""

    at_s: float
    value: float | None
    after_gap: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert that would have been open. `end` is None while it still would be. `extreme` is the value farthest beyond
    the threshold, if it has one."""

    subject: str
    begin: datetime
    end: datetime | None = None
    extreme: float | None = None


SETTLED = {
    (Phase.INACTIVE, Judgement.CLEAR),
    (Phase.INACTIVE, Judgement.BETWEEN),
    (Phase.INACTIVE, Judgement.UNKNOWN),
    (Phase.FIRING, Judgement.BEYOND),
    (Phase.FIRING, Judgement.BETWEEN),
    (Phase.FIRING, Judgement.UNKNOWN),
}
"""Phases that a value of this judgement does not change. Almost all values of a week are of these."""


def replay(rule: Rule, subject: str, samples: Iterable[Sample], end_s: float) -> Iterator[Opening]:
    """The openings of one subject until `end_s`, in their order."""
    replayed = _Replay(rule, subject)
    for sample in samples:
        yield from replayed.replay_sample(sample)
    yield from replayed.end(end_s)


class _Replay:
    def __init__(self, rule: Rule, subject: str) -> None:
        self._rule, self._subject = rule, subject
        self._state = RuleState()
        self._value: float | None = None
        """The value since the last sample."""
        self._extreme: float | None = None
        self._opened_s = 0.0
        self._sign = 1.0 if rule.rule_kind.comparison == "above" else -1.0

    def replay_sample(self, sample: Sample) -> Iterator[Opening]:
        if sample.after_gap:
            if self._state.phase == Phase.PENDING:
                self._state = RuleState()
        else:
            yield from self._time_passed(sample.at_s)
        self._value = sample.value
        if (self._state.phase, judge(self._rule, sample.value)) not in SETTLED:
            yield from self._evaluate(sample.at_s)
        if self._state.phase != Phase.INACTIVE:
            self._note_extreme(sample.value)

    def end(self, end_s: float) -> Iterator[Opening]:
        yield from self._time_passed(end_s)
        if self._state.is_open:
            yield self._opening(None)

    def _time_passed(self, until_s: float) -> Iterator[Opening]:
        """The rule is evaluated all the time, so that the last value opens or closes the alert between two samples."""
        lasts_s = {Phase.PENDING: self._rule.for_s, Phase.CLEARING: self._rule.clear_for_s}.get(self._state.phase)
        if lasts_s is not None and self._state.since + lasts_s < until_s:
            yield from self._evaluate(self._state.since + lasts_s)

    def _evaluate(self, at_s: float) -> Iterator[Opening]:
        before, self._state = self._state, evaluate(self._rule, self._state, self._value, at_s)
        if before.is_open and not self._state.is_open:
            yield self._opening(at_s)
        if self._state.is_open and not before.is_open:
            self._opened_s = at_s
        if before.phase == Phase.INACTIVE:
            self._extreme = None

    def _note_extreme(self, value: float | None) -> None:
        if value is not None and (self._extreme is None or self._sign * value > self._sign * self._extreme):
            self._extreme = value

    def _opening(self, end_s: float | None) -> Opening:
        end = None if end_s is None else datetime.fromtimestamp(end_s, UTC)
        extreme = None if self._rule.rule_kind.fixed is not None else self._extreme
        return Opening(self._subject, datetime.fromtimestamp(self._opened_s, UTC), end, extreme)
