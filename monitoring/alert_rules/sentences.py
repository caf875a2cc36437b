"""The sentence of an alert that a rule opens. Django-free."""

from __future__ import annotations

from core.camera_names import CameraName
from core.text.sentences import Sentence, join_sentences, sentence
from monitoring.alert_rules.kinds import EVENTS
from monitoring.alert_rules.rule import Rule, Signal

MINUTE_S, HOUR_S = 60, 3600


def alert_sentence(rule: Rule, signal: Signal, lasted_s: float) -> Sentence:
    kind = rule.rule_kind
    unit = signal.unit or kind.unit
    value, threshold = with_unit(signal.value, unit), with_unit(rule.threshold, unit)
    if value == threshold and signal.value is not None:
        # "30 °C, above 30 °C" would say nothing.
        value, threshold = f"{signal.value:.15g} {unit}".strip(), f"{rule.threshold:.15g} {unit}".strip()
    camera = CameraName(*signal.camera) if signal.camera else None
    found = sentence(
        kind.sentence,
        # The subject of a metric has labels, too.
        subject=camera if camera and camera.slug == signal.subject else signal.subject,
        value=value,
        threshold=threshold,
        lasted=f" for {duration_text(lasted_s)}" if lasted_s >= 1 else "",
        detail=signal.detail,
    )
    return join_sentences([rule.label, found], ": ")


def condition_text(rule: Rule, unit: str) -> str:
    """When the alert opens and closes, for lists: `above 0.5 s for 1 min, closes at 0.2 s`."""
    kind = rule.rule_kind
    if kind.signal == EVENTS:
        within = f" within {duration_text(rule.for_s)}" if rule.threshold > 1 else ""
        return f"{with_unit(rule.threshold, 'events')}{within}" if within else "an event"
    found = f"{kind.comparison} {with_unit(rule.threshold, unit)}" if kind.fixed is None else "while it is so"
    if rule.for_s:
        found += f" for {duration_text(rule.for_s)}"
    return found if rule.clear is None else f"{found}, closes at {with_unit(rule.clear, unit)}"


def with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return "unknown"
    # No exponent for what people count, and no more digits than a sensor has.
    digits = 4 if abs(value) < 1000 else 6
    is_whole = float(value).is_integer() or abs(value) >= 1e6
    # Adding 0 makes -0 a 0.
    number = f"{value + 0.0:.0f}" if abs(value) < 1e15 and is_whole else f"{value:.{digits}g}"
    return f"{number} {unit}".strip()


def duration_text(seconds: float) -> str:
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:.1f} h"
