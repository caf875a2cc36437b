"""The form of an alert rule."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.pages.forms import NAME_ATTRS, PageForm, UnitInput, same_message, validate_line
from core.times.durations import InvalidDuration, format_duration, parse_duration
from monitoring.alert_rules.kinds import EVENTS, RULE_KINDS
from monitoring.alert_rules.requests import LARGEST, LONGEST_S
from monitoring.alert_rules.services import RESERVED
from monitoring.models import AlertRule
from monitoring.rule_models import RULE_NAME
from monitoring.severity import Severity

DAYS = 86_400
LONGEST_DAYS = LONGEST_S / DAYS
NUMBER = f"Write a number from {-LARGEST:.0e} to {LARGEST:.0e}, such as 30 or -2.5."


class DurationField(forms.CharField):
    """Seconds, from `5 min`, `2 h` or a number of seconds."""

    def __init__(self, placeholder: str = "0 s", **more: Any) -> None:
        attrs = {"autocomplete": "off", "placeholder": placeholder, **NAME_ATTRS}
        super().__init__(max_length=40, required=False, widget=forms.TextInput(attrs=attrs), **more)

    def clean(self, value: Any) -> float:
        text = super().clean(value)
        if not text:
            return 0.0
        try:
            seconds = parse_duration(text)
        except InvalidDuration as error:
            raise ValidationError(str(error)) from None
        if seconds > LONGEST_S:
            raise ValidationError(f"Write at most {LONGEST_DAYS:g} d.")
        return seconds


class RuleForm(PageForm):
    """A rule of one kind. Fields that the kind does not have are left out."""

    ids = "rule-%s"
    wide = True
    name = forms.RegexField(
        r"^[a-z0-9]+(?:-[a-z0-9]+)*\Z", max_length=RULE_NAME,
        widget=forms.TextInput(attrs={"placeholder": "balcony-hot", "autocomplete": "off", **NAME_ATTRS}),
        help_text="Its id: lower-case letters, digits and hyphens.",
        error_messages=same_message("Write a name of lower-case letters, digits and hyphens, such as balcony-hot."),
    )  # fmt: skip
    label = forms.CharField(
        required=False, max_length=80, validators=[validate_line],
        widget=forms.TextInput(attrs={"autocomplete": "off"}), help_text="Begins the sentence of its alerts.",
    )  # fmt: skip
    subject = forms.CharField(
        max_length=200, validators=[validate_line], initial="*",
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "rule-subjects", **NAME_ATTRS}),
        error_messages={"required": "Write what the rule concerns; * is everything."},
    )  # fmt: skip
    threshold = forms.FloatField(min_value=-LARGEST, max_value=LARGEST)
    clear = forms.FloatField(
        label="Closes at", required=False, min_value=-LARGEST, max_value=LARGEST,
        help_text="The value that closes the alert. Empty: the threshold.",
    )  # fmt: skip
    for_s = DurationField(label="For", help_text="How long the value must be beyond the threshold, such as 5 min.")
    clear_for_s = DurationField(label="Closes after", help_text="How long the value must be clear.")
    severity = forms.ChoiceField(choices=[(value, value) for value in Severity], initial=Severity.WARNING)

    def __init__(self, kind: str, data: Any = None, rule: AlertRule | None = None) -> None:
        super().__init__(data, initial=shown_values(rule) if rule else {})
        self.kind = RULE_KINDS[kind]
        self.fields["subject"].help_text = f"{self.kind.subject}; * and ? are wildcards."
        unit = self.kind.unit
        for name in ("threshold", "clear"):
            attrs = {"inputmode": "decimal", "autocomplete": "off"}
            self.fields[name].widget = UnitInput(unit, attrs) if unit else forms.TextInput(attrs)
            self.fields[name].error_messages |= {"invalid": NUMBER, "min_value": NUMBER, "max_value": NUMBER}
        self.fields["threshold"].label = f"Opens {self.kind.comparison}"
        if self.kind.signal == EVENTS:
            self._shape_for_events()
        if self.kind.fixed is not None:
            del self.fields["threshold"], self.fields["clear"]
        if rule is not None:
            del self.fields["name"]

    def _shape_for_events(self) -> None:
        del self.fields["clear"]
        threshold = self.fields["threshold"]
        threshold.label, threshold.initial = "Opens at", 1
        threshold.help_text = "The number of events that open the alert."
        self.fields["for_s"].label = "Within"
        self.fields["for_s"].help_text = "The time in which these events must come, if they are several."
        self.fields["clear_for_s"].help_text = "The time without another event."

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name in RESERVED:
            raise ValidationError(f"{name} is reserved. Choose another name.")
        return name


def shown_values(rule: AlertRule) -> dict[str, Any]:
    """The values of a rule as people write them."""
    return {
        "label": rule.label,
        "subject": rule.subject,
        "threshold": f"{rule.threshold:.15g}",
        "clear": "" if rule.clear is None else f"{rule.clear:.15g}",
        "for_s": format_duration(rule.for_s),
        "clear_for_s": format_duration(rule.clear_for_s),
        "severity": rule.severity,
    }
