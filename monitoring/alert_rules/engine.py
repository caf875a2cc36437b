"""`RuleEngine`: all rules of a host against all its signals. Pure and Django-free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from monitoring.alert_rules.rule import Phase, Rule, RuleState, Signal, evaluate
from monitoring.alert_rules.sentences import alert_sentence

Place = tuple[str, str]
"""Rule's name and subject."""


@dataclass(frozen=True, slots=True)
class Change:
    """An alert to open, to update with a new sentence, or to close."""

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
        changes = [
            Change("close", self._rules[name], self._subjects[name, subject])
            for (name, subject), state in self._states.items()
            if name in ended and state.is_open
        ]
        for place in [place for place in self._states if place[0] in ended]:
            del self._states[place]
            del self._subjects[place]
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

    def signals_wanted(self) -> set[str]:
        """Names of the signals that some rule watches."""
        return set(self._by_signal)

    def evaluate(self, signals: Iterable[Signal], now: float) -> list[Change]:
        changes = []
        for signal in signals:
            for rule in self._rules_for(signal):
                place = (rule.name, signal.subject)
                before = self._states.get(place, RuleState())
                after = evaluate(rule, before, signal.value, now)
                if after is before:
                    continue
                self._states[place], self._subjects[place] = after, signal
                if after.is_open and not before.is_open:
                    sentence = alert_sentence(rule, signal, now - after.beyond_since)
                    changes.append(Change("open", rule, signal, sentence))
                elif before.is_open and not after.is_open:
                    changes.append(Change("close", rule, signal))
        return changes

    def forget(self, name: str, still_there: set[str]) -> list[Change]:
        """Close the alerts of subjects of the signal `name` that do not exist any more: a camera that was removed."""
        gone = [
            place
            for place, signal in self._subjects.items()
            if signal.name == name and signal.subject not in still_there
        ]
        changes = [
            Change("close", self._rules[place[0]], self._subjects[place])
            for place in gone
            if self._states[place].is_open
        ]
        for place in gone:
            del self._states[place]
            del self._subjects[place]
        return changes

    def _rules_for(self, signal: Signal) -> list[Rule]:
        key = (signal.name, signal.subject)
        found = self._concerned.get(key)
        if found is None:
            found = [rule for rule in self._by_signal.get(signal.name, []) if rule.concerns(signal.subject)]
            self._concerned[key] = found
        return found
