"""Alert rules and previews as JSON, for API and command line."""

from __future__ import annotations

from typing import Any, TypedDict

from core.times.timestamps import stamp, stamp_or_none
from monitoring.alert_rules.preview import Preview
from monitoring.alert_rules.replay import Opening
from monitoring.alert_rules.selectors import RuleStatus
from monitoring.alert_rules.services import RestoredRule
from monitoring.models import AlertRule

RULES_API = "/api/v1/alert-rules/"


class RuleBody(TypedDict):
    name: str
    label: str
    kind: str
    subject: str
    threshold: float
    unit: str
    clear: float | None
    for_s: float
    clear_for_s: float
    severity: str
    enabled: bool
    open_alerts: int
    subjects: list[str] | None
    created: str


class RestoredBody(TypedDict):
    name: str
    action: str
    changes: dict[str, Any]


class OpeningBody(TypedDict):
    subject: str
    begin: str
    end: str | None
    extreme: float | None


class PreviewBody(TypedDict):
    sentence: str
    openings: int | None
    open_s: float | None
    resolution: str | None
    stored_since: str | None
    unit: str
    results: list[OpeningBody]


def rule_url(rule: AlertRule) -> str:
    return f"{RULES_API}{rule.name}/"


def rule_body(status: RuleStatus) -> RuleBody:
    rule = status.rule
    return RuleBody(
        name=rule.name,
        label=rule.label,
        kind=rule.kind,
        subject=rule.subject,
        threshold=rule.threshold,
        unit=status.unit,
        clear=rule.clear,
        for_s=rule.for_s,
        clear_for_s=rule.clear_for_s,
        severity=rule.severity,
        enabled=rule.enabled,
        open_alerts=status.open_alerts,
        subjects=status.subjects,
        created=stamp(rule.created_at),
    )


def restored_body(restored: RestoredRule) -> RestoredBody:
    return RestoredBody(name=restored.name, action=restored.action, changes=restored.changes)


def preview_body(preview: Preview) -> PreviewBody:
    return PreviewBody(
        sentence=preview.sentence,
        openings=preview.number,
        open_s=preview.open_s,
        resolution=preview.resolution,
        stored_since=stamp_or_none(preview.stored_since),
        unit=preview.unit,
        results=[opening_body(opening) for opening in preview.openings],
    )


def opening_body(opening: Opening) -> OpeningBody:
    return OpeningBody(
        subject=opening.subject,
        begin=stamp(opening.begin),
        end=stamp_or_none(opening.end),
        extreme=opening.extreme,
    )
