"""The sentence of an alert that a rule opens. Django-free."""

from __future__ import annotations

from monitoring.alert_rules.rule import Rule, Signal

MINUTE_S, HOUR_S = 60, 3600


def alert_sentence(rule: Rule, signal: Signal, lasted_s: float) -> str:
    kind = rule.rule_kind
    unit = signal.unit or kind.unit
    sentence = kind.sentence.format(
        subject=signal.subject,
        value=with_unit(signal.value, unit),
        threshold=with_unit(rule.threshold, unit),
        lasted=f" for {duration_text(lasted_s)}" if lasted_s >= 1 else "",
    )
    return f"{rule.label}: {sentence}" if rule.label else sentence


def with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return "unknown"
    # Six significant digits, and no exponent for what people count.
    number = f"{value:.0f}" if abs(value) < 1e15 and float(value).is_integer() else f"{value:.6g}"
    return f"{number} {unit}".strip()


def duration_text(seconds: float) -> str:
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:.1f} h"
