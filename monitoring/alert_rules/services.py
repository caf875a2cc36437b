"""What people do with alert rules. Each change is one transaction with its event; a refused one changes nothing. A
rule must make sense as a whole: its kind, subject, threshold and times. Its fields are checked one by one in
resource.py."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from core.events.service import record_event, resolve_alert
from monitoring.alert_rules.event_rules import EXCLUDED
from monitoring.alert_rules.resource import RuleChange, RuleRequest, UnsavedRule
from monitoring.alert_rules.rows import rule_alerts
from monitoring.alert_rules.rule import DEFAULT_RULES, EVENTS, RULE_KINDS, RuleKind, matches
from monitoring.alert_rules.signals import READING_SIGNALS, SIGNALS
from monitoring.models import AlertRule
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


MAX_RULES = 1000
RESERVED = frozenset({"add", "defaults", "now", "preview"})
"""Names that are routes."""
COLUMNS = ("label", "kind", "subject", "threshold", "clear", "for_s", "clear_for_s", "severity", "enabled")


def unsaved_rule(wanted: UnsavedRule, name: str = "preview") -> AlertRule:
    """ValidationError."""
    kind = RULE_KINDS.get(wanted.kind)
    if kind is None:
        raise ValidationError({"kind": unknown_kind(wanted.kind)})
    if wanted.kind not in readable_kinds():
        raise ValidationError(
            {"kind": f"No part of the station reads what {wanted.kind} watches: it would never open."}
        )
    threshold = kind.fixed if wanted.threshold is None else wanted.threshold
    if threshold is None:
        raise ValidationError({"threshold": "Write the value beyond which the alert opens."})
    columns = wanted.model_dump(include=set(UnsavedRule.model_fields)) | {"threshold": threshold}
    rule = AlertRule(name=name, **columns)
    check_rule(rule)
    return rule


def add_rule(wanted: RuleRequest, actor: str, new_id: UUID | None = None) -> AlertRule:
    """The rule that has `new_id` already is returned unchanged. ValidationError."""
    if new_id is not None and (found := AlertRule.objects.filter(pk=new_id).first()):
        return found
    if wanted.name in RESERVED:
        raise ValidationError({"name": f"{wanted.name} is reserved. Choose another name."})
    if AlertRule.objects.count() >= MAX_RULES:
        raise ValidationError({"name": f"A station has at most {MAX_RULES} rules. Remove one first."})
    rule = unsaved_rule(wanted, wanted.name)
    rule.enabled = wanted.enabled
    if new_id is not None:
        rule.pk = new_id
    try:
        with transaction.atomic():
            rule.save(force_insert=True)
            record_rule("rule.added", rule, f"{actor} added the alert rule {rule.name}.", actor, columns_of(rule))
    except IntegrityError:
        raise ValidationError({"name": f"There is a rule {rule.name} already. Choose another name."}) from None
    return rule


def change_rule(rule: AlertRule, wanted: RuleChange, actor: str) -> AlertRule:
    """Its alerts close; those whose condition still holds open again by the changed rule. ValidationError."""
    with transaction.atomic():
        found = AlertRule.objects.select_for_update().get(pk=rule.pk)
        before = columns_of(found)
        for name, value in wanted.given().items():
            setattr(found, name, value)
        check_rule(found)
        changed = {name: value for name, value in columns_of(found).items() if value != before[name]}
        if changed:
            found.save(update_fields=list(changed))
            record_rule("rule.changed", found, f"{actor} changed the alert rule {found.name}.", actor, changed)
    if changed:
        close_alerts(found, f"{actor} changed its rule.")
    return found


def remove_rule(rule: AlertRule, actor: str) -> None:
    """Its alerts close."""
    with transaction.atomic():
        removed, _ = AlertRule.objects.filter(pk=rule.pk).delete()
        if removed:
            record_rule("rule.removed", rule, f"{actor} removed the alert rule {rule.name}.", actor, columns_of(rule))
    if removed:
        close_alerts(rule, f"{actor} removed its rule.")


@dataclass(frozen=True, slots=True)
class RestoredRule:
    """A rule of a new station that is missing, or has other values: `changes` is column -> the value it gets."""

    name: str
    action: Literal["add", "reset"]
    changes: dict[str, Any]


def rules_to_restore() -> list[RestoredRule]:
    """What `restore_default_rules` would do."""
    present = {rule.name: columns_of(rule) for rule in AlertRule.objects.all()}
    found = []
    for default in DEFAULT_RULES:
        wanted = columns_of(AlertRule(**default))
        here = present.get(default["name"])
        changes = wanted if here is None else {name: value for name, value in wanted.items() if value != here[name]}
        if changes:
            found.append(RestoredRule(default["name"], "add" if here is None else "reset", changes))
    return found


def restore_default_rules(actor: str) -> list[RestoredRule]:
    """Add the rules of a new station that are missing, and give the others their first values. Other rules stay."""
    rules = []
    with transaction.atomic():
        restored = rules_to_restore()
        for one in restored:
            rule, _ = AlertRule.objects.update_or_create(name=one.name, defaults=one.changes)
            rules.append(rule)
            kind = "rule.added" if one.action == "add" else "rule.changed"
            record_rule(kind, rule, f"{actor} restored the alert rule {rule.name}.", actor, one.changes)
    for rule in rules:
        close_alerts(rule, f"{actor} restored its rule.")
    return restored


def close_alerts(rule: AlertRule, why: str) -> None:
    """Here and not only by the hosts: one of them may be away. Each in a transaction of its own, as there may be many.
    After a kill, the hosts close the rest."""
    for alert in rule_alerts(rule.name):
        resolve_alert(alert.key, why)


def columns_of(rule: AlertRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in COLUMNS}


def record_rule(kind: str, rule: AlertRule, message: str, actor: str, data: dict[str, Any]) -> None:
    record_event(kind, message, camera=None, subject=rule.name, actor=actor, data=data)
