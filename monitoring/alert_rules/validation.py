"""Whether a rule makes sense as a whole: its kind, subject, threshold and times. Its fields are checked one by one in
resource.py."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from django.core.exceptions import ValidationError

from monitoring.alert_rules.event_rules import EXCLUDED
from monitoring.alert_rules.kinds import EVENTS, RULE_KINDS, RuleKind
from monitoring.alert_rules.reading_signals import READING_SIGNALS
from monitoring.alert_rules.rule import matches
from monitoring.models import AlertRule
from monitoring.tables import SIGNALS
from monitoring.webhooks.kinds import EXCLUDED as TOO_MANY
from monitoring.webhooks.kinds import KINDS

MAX_EVENTS = 10_000
WATCHED_EVENTS = sorted(kind for kind in KINDS | TOO_MANY if not kind.startswith(EXCLUDED))
"""The kinds of events that a rule can watch."""


READ_SIGNALS = frozenset({EVENTS, *READING_SIGNALS, *SIGNALS})


def readable_kinds() -> dict[str, RuleKind]:
    """The kinds whose signal some part of the station reads. A rule of another one would never open an alert."""
    return {name: kind for name, kind in RULE_KINDS.items() if kind.signal in READ_SIGNALS}


def check_rule(rule: AlertRule) -> None:
    """Raises ValidationError with a sentence for each field that is wrong."""
    kind = RULE_KINDS.get(rule.kind)
    if kind is None:
        raise ValidationError({"kind": unknown_kind(rule.kind)})
    checks: Mapping[str, str] = {
        "threshold": threshold_error(rule, kind),
        "clear": clear_error(rule, kind),
        "subject": event_subject_error(rule.subject) if kind.signal == EVENTS else "",
        "for_s": for_error(rule, kind),
    }
    if errors := {field: sentence for field, sentence in checks.items() if sentence}:
        raise ValidationError(errors)


def unknown_kind(kind: str) -> str:
    near = difflib.get_close_matches(kind[:60], RULE_KINDS, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]}?" if near else f"The kinds are {', '.join(RULE_KINDS)}."
    return f"There is no kind of rules {kind[:60]!r}. {hint}"


def threshold_error(rule: AlertRule, kind: RuleKind) -> str:
    if kind.fixed is not None:
        return "" if rule.threshold == kind.fixed else f"A rule of the kind {rule.kind} has no threshold."
    if kind.signal == EVENTS and not (float(rule.threshold).is_integer() and 1 <= rule.threshold <= MAX_EVENTS):
        return f"Write how many events open the alert: a whole number from 1 to {MAX_EVENTS}."
    # Otherwise a value that does not change would be beyond it.
    if rule.kind == "reading_rises" and rule.threshold < 0:
        return "Write how much a reading may rise in an hour: 0 or more."
    if rule.kind == "reading_falls" and rule.threshold > 0:
        return f"A fall is a negative change: write {-rule.threshold:g}."
    return ""


def clear_error(rule: AlertRule, kind: RuleKind) -> str:
    if rule.clear is None:
        return ""
    if kind.fixed is not None or kind.signal == EVENTS:
        return f"A rule of the kind {rule.kind} has no value that closes its alert."
    if kind.comparison == "above" and rule.clear > rule.threshold:
        return f"The value that closes the alert must be at most the threshold, {rule.threshold:g}."
    if kind.comparison == "below" and rule.clear < rule.threshold:
        return f"The value that closes the alert must be at least the threshold, {rule.threshold:g}."
    return ""


def for_error(rule: AlertRule, kind: RuleKind) -> str:
    if kind.signal == EVENTS and rule.threshold > 1 and rule.for_s <= 0:
        return "Write within which time these events must come."
    return ""


def event_subject_error(subject: str) -> str:
    """A subject is `kind` or `kind:camera`, with wildcards."""
    pattern = subject.partition(":")[0]
    if any(matches(pattern, kind) for kind in WATCHED_EVENTS):
        return ""
    if pattern.startswith(EXCLUDED):
        return "No rule watches the events of alerts and of their delivery: an alert would cause its own next one."
    near = difflib.get_close_matches(pattern[:60], WATCHED_EVENTS, n=1, cutoff=0.75)
    hint = f" Did you mean {near[0]}?" if near else " Examples are session.gap, session.* and session.gap:dslr."
    return f"No event is of the kind {pattern[:60]!r}.{hint}"
