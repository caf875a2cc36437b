"""The form of an alert rule: its labels are those of the rule's kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.pages.forms import UnitInput
from core.resources.forms import ModelForm
from monitoring.alert_rules.kinds import EVENTS, RULE_KINDS
from monitoring.alert_rules.resource import RuleChange, RuleRequest
from monitoring.models import AlertRule

NAMES = ("label", "subject", "threshold", "clear", "for_s", "clear_for_s", "severity")


class RuleForm(ModelForm):
    """A rule of one kind. Fields that the kind does not have are left out."""

    ids = "rule-%s"

    def __init__(self, kind: str, data: Any = None, rule: AlertRule | None = None) -> None:
        if rule is None:
            super().__init__(RuleRequest, data, names=("name", *NAMES), fixed={"kind": kind})
        else:
            super().__init__(RuleChange, data, names=NAMES, row=rule)
        self.kind_name, self.kind = kind, RULE_KINDS[kind]
        self.fields["subject"].help_text = f"{self.kind.subject}; * and ? are wildcards."
        self.fields["subject"].widget.attrs["list"] = "rule-subjects"
        if self.kind.fixed is not None:
            del self.fields["threshold"], self.fields["clear"]
            return
        for name in ("threshold", "clear") if self.kind.unit else ():
            self.fields[name].widget = UnitInput(self.kind.unit, self.fields[name].widget.attrs)
        self.fields["threshold"].label = f"Opens {self.kind.comparison}"
        if self.kind.signal == EVENTS:
            self._shape_for_events()

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A program that leaves the subject out means everything; a person who has emptied it may not.
        return {**super().given(values), "subject": values.get("subject", "")}

    def _shape_for_events(self) -> None:
        del self.fields["clear"]
        threshold = self.fields["threshold"]
        threshold.label, threshold.initial = "Opens at", "1"
        threshold.help_text = "The number of events that open the alert."
        self.fields["for_s"].label = "Within"
        self.fields["for_s"].help_text = "The time in which these events must come, if they are several."
        self.fields["clear_for_s"].help_text = "The time without another event."
