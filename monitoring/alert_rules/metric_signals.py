"""The metrics of the station as signals, for rules on metrics."""

from __future__ import annotations

from collections.abc import Iterator

from core.changes.gate import ChangeGate
from core.station_owner import StationOwner
from monitoring.alert_rules.kinds import RULE_KINDS
from monitoring.alert_rules.rule import Signal, concerns
from monitoring.metrics import StationCollector
from monitoring.models import AlertRule

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
