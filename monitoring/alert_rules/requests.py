"""Bodies of requests about alert rules."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from core.api.model import StrictModel
from core.text.names import Line
from monitoring.rule_models import RULE_NAME
from monitoring.severity import Severity

LONGEST_S = 30 * 86_400.0
LARGEST = 1e15


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


Name = Annotated[
    str,
    BeforeValidator(_stripped),
    Field(
        max_length=RULE_NAME,
        pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
        description="Lower-case letters, digits and hyphens: its id.",
    ),
]
Label = Annotated[Line, BeforeValidator(_stripped), Field(max_length=80)]
Subject = Annotated[Line, BeforeValidator(_stripped), Field(min_length=1, max_length=200)]
Value = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]


class UnsavedRule(StrictModel):
    """A rule, whether or not it is stored. `threshold` is left out for kinds that have none."""

    model_config = ConfigDict(extra="forbid")
    kind: Annotated[str, Field(max_length=30)]
    label: Label = ""
    subject: Subject = "*"
    threshold: Value | None = None
    clear: Value | None = None
    for_s: Seconds = 0.0
    clear_for_s: Seconds = 0.0
    severity: Severity = Severity.WARNING


class RuleRequest(UnsavedRule):
    """A new rule."""

    name: Name
    enabled: bool = True


class RuleChange(StrictModel):
    """Only the fields that are given change. `clear` null is the threshold."""

    model_config = ConfigDict(extra="forbid")
    label: Label = ""
    subject: Subject = "*"
    threshold: Value = 0.0
    clear: Value | None = None
    for_s: Seconds = 0.0
    clear_for_s: Seconds = 0.0
    severity: Severity = Severity.WARNING
    enabled: bool = True

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class PreviewRequest(UnsavedRule):
    """A rule that is not stored, and the number of days before now."""

    days: Annotated[int, Field(ge=1, le=31)] = 7


class DefaultsRequest(StrictModel):
    model_config = ConfigDict(extra="forbid")
    dry_run: bool = True
