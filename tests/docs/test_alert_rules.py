"""docs/operating/alert-rules.md: its kinds, the rules of a new station and its limits are those of the code."""

from __future__ import annotations

from monitoring.alert_rules.preview import GAP_S, MAX_OPENINGS, MAX_READINGS
from monitoring.alert_rules.resource import LONGEST_S
from monitoring.alert_rules.rule import DEFAULT_RULES, RULE_KINDS
from monitoring.alert_rules.services import MAX_RULES
from monitoring.alert_rules.watch import SILENT
from monitoring.maintenance.services import AHEAD
from monitoring.models import AlertRule
from tests.harness.documents.pages import page, section

PAGE = "docs/operating/alert-rules.md"


def rows(title: str) -> list[list[str]]:
    """The rows of the table of a section, without its head."""
    found = [line for line in section(PAGE, title).splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in found]


def test_the_kinds_are_those_of_the_code() -> None:
    kinds = [
        [name, kind.label + (f" ({kind.unit})" if kind.unit else ""), kind.subject] for name, kind in RULE_KINDS.items()
    ]
    assert rows("Kinds") == kinds


def test_the_rules_of_a_new_station_are_those_of_the_code() -> None:
    assert rows("Rules of a new station") == [cells(AlertRule(**default)) for default in DEFAULT_RULES]


def cells(rule: AlertRule) -> list[str]:
    clear = "" if rule.clear is None else f"{rule.clear:g}"
    return [
        rule.name, rule.kind, rule.subject, f"{rule.threshold:.10g}", clear, f"{rule.for_s:.10g}",
        f"{rule.clear_for_s:.10g}", rule.severity,
    ]  # fmt: skip


def test_the_page_has_the_limits_of_the_code() -> None:
    text = page(PAGE)
    assert f"at most {MAX_RULES:,} rules" in text
    assert f"more than {MAX_READINGS:,} readings" in text
    assert f"the first {MAX_OPENINGS} openings" in text
    assert f"a gap of more than {GAP_S / 60:g} minutes" in text
    assert f"not reported for {SILENT.days} days" in text
    assert f"A window takes at most {LONGEST_S / 86_400:g} days" in text
    assert AHEAD.days == 366
