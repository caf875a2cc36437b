"""Alert rules as a resource."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from core.events.severity import Severity
from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Option, Seconds, Text, UnitOf
from core.times.timestamps import Stamp

LONGEST_S = 30 * 86_400.0
LARGEST = 1e15
Value = Annotated[float, Field(ge=-LARGEST, le=LARGEST), UnitOf("unit")]
Name = Annotated[Text, Field(max_length=60, pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")]

THRESHOLD: dict[str, Any] = {
    "title": "Opens at", "help": "Value beyond which the alert opens; of events, their number.", "example": "30",
}  # fmt: skip


class RuleFields(Fields):
    """What a rule has, whether or not it is stored."""

    label: Annotated[Text, Field(max_length=80)] = field("", title="Label", help="Begins the sentence of its alerts.")
    subject: Annotated[Text, Field(min_length=1, max_length=200)] = field(
        "*", title="Subject", help="What it concerns, such as balcony:temperature; * and ? are wildcards.",
        allowed="what the rule concerns; * is everything",
    )  # fmt: skip
    clear: Value | None = field(
        None, title="Closes at", help="Value that closes the alert; the threshold by default.", example="28"
    )
    for_s: Seconds = field(
        0.0, title="For", help="How long the value must be beyond the threshold.", example="5 min", ge=0, le=LONGEST_S
    )
    clear_for_s: Annotated[Seconds, Option("--clear-for")] = field(
        0.0, title="Closes after", help="How long the value must be clear.", example="5 min", ge=0, le=LONGEST_S
    )
    severity: Severity = field(Severity.WARNING, title="Severity", help="Severity of its alerts.")


class UnsavedRule(RuleFields):
    """A rule of a kind. `threshold` is left out for kinds that have none."""

    kind: Annotated[str, Field(max_length=30)] = field(title="Kind", help="What it watches, such as reading_above.")
    threshold: Value | None = field(None, **THRESHOLD)


class RuleRequest(UnsavedRule):
    """A new rule."""

    name: Name = field(
        title="Name", help="Its id: lower-case letters, digits and hyphens.", example="balcony-hot",
        allowed="a name of lower-case letters, digits and hyphens, such as balcony-hot",
    )  # fmt: skip
    enabled: bool = field(True, title="On", help="Whether it is evaluated.")


class RuleChange(RuleFields):
    """Only the fields that are given change. `clear` null is the threshold."""

    threshold: Value = field(0.0, **THRESHOLD)
    enabled: bool = field(True, title="On", help="Its open alerts close.")


class PreviewRequest(UnsavedRule):
    """A rule that is not stored, and the number of days before now."""

    days: Annotated[int, Field(ge=1, le=31)] = 7


class DefaultsRequest(Fields):
    dry_run: bool = True


class RuleBody(RuleFields):
    """A rule, with the unresolved alerts that it has opened and what it concerns now, if the database knows it."""

    name: str
    kind: str
    threshold: Value
    unit: str
    enabled: bool
    open_alerts: int
    subjects: list[str] | None
    created: Annotated[Stamp, Column("created_at")]


RULES = Resource(
    name="alert_rules",
    noun="alert rule",
    path="alert-rules/",
    package="monitoring.alert_rules",
    rows="selectors.rules_for",
    row="selectors.rule_for",
    prepare="selectors.with_status",
    answer=RuleBody,
    key="name",
    operations=(
        Operation("list", "viewer", "List the rules with the number of their open alerts."),
        Operation("show", "viewer", "Show the rule and what it concerns now.", command=None),
        Operation(
            "add", "manager", "Add a rule of a kind. It is evaluated within some seconds.", "services.add_rule",
            RuleRequest, arguments=("name", "kind"),
            example="alerts rules add hot reading_above --subject balcony:t --threshold 30 --for 5min",
        ),
        Operation(
            "change", "manager", "Change the rule. Its open alerts close; those whose condition holds open again.",
            "services.change_rule", RuleChange,
            example="alerts rules change disk-low --threshold 15 --clear 20",
        ),
        Operation("remove", "manager", "Remove the rule. Its open alerts close.", "services.remove_rule"),
    ),
    commands="alerts rules",
    columns=(
        "name", "kind", "subject", "threshold", "clear", ("for", "for_s"), "severity", ("on", "enabled"),
        ("open alerts", "open_alerts"),
    ),
    empty="No alert rules. `skycam alerts rules restore --yes` restores those of a new station.",
)  # fmt: skip


class RestoredBody(Fields):
    name: str
    action: str
    changes: dict[str, Any]


class OpeningBody(Fields):
    subject: str
    begin: Stamp
    end: Stamp | None
    extreme: float | None


class PreviewBody(Fields):
    sentence: str
    openings: Annotated[int | None, Column("number")]
    open_s: float | None
    resolution: str | None
    stored_since: Stamp | None
    unit: str
    results: Annotated[list[OpeningBody], Column("openings")]
