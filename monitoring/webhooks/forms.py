"""The form of a web-hook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.pages.forms import NAME_ATTRS, PageForm, validate_line
from monitoring.models import Webhook
from monitoring.webhooks.kinds import ALL, FAMILIES, UnknownKind, check_patterns
from monitoring.webhooks.receiver_url import MAX_LENGTH, InvalidUrl, ReceiverUrl

FAMILY_CHOICES = [(ALL, "all"), *((f"{family}.*", family) for family in FAMILIES)]
KEEP = "Leave it empty to keep the address."


class WebhookForm(PageForm):
    """A new web-hook, or the changes of one. The stored address has secrets, so it is never shown in the field."""

    ids = "webhook-%s"
    wide = True
    name = forms.CharField(
        max_length=60, validators=[validate_line],
        widget=forms.TextInput(attrs={"placeholder": "the program that gets the events", "autocomplete": "off"}),
        error_messages={"required": "Write a name.", "max_length": "A name may have at most 60 characters."},
    )  # fmt: skip
    url = forms.CharField(
        label="Address", max_length=MAX_LENGTH,
        widget=forms.TextInput(
            attrs={"placeholder": "https://lab.example.org/hooks/skycam", "autocomplete": "off", **NAME_ATTRS}
        ),
        error_messages={
            "required": "Write the address.", "max_length": f"An address may have at most {MAX_LENGTH} characters.",
        },
    )  # fmt: skip
    families = forms.MultipleChoiceField(
        label="Events", required=False, choices=FAMILY_CHOICES, widget=forms.CheckboxSelectMultiple
    )
    kinds = forms.CharField(
        label="Single kinds", required=False, max_length=2000,
        widget=forms.TextInput(attrs={"placeholder": "alert.opened session.gap", "autocomplete": "off", **NAME_ATTRS}),
        help_text="Names of kinds, in addition to what is ticked.",
    )  # fmt: skip

    def __init__(self, data: Any = None, webhook: Webhook | None = None) -> None:
        families = {value for value, _ in FAMILY_CHOICES}
        initial = {
            "name": webhook.name,
            "families": [kind for kind in webhook.kinds if kind in families],
            "kinds": " ".join(kind for kind in webhook.kinds if kind not in families),
        } if webhook else {}  # fmt: skip
        super().__init__(data, initial=initial)
        if webhook:
            self.fields["url"].required = False
            self.fields["url"].help_text = f"Now {webhook.url_shown}. {KEEP}"
            self.fields["url"].widget.attrs["placeholder"] = ""

    def clean_url(self) -> str:
        text = self.cleaned_data["url"].strip()
        try:
            return ReceiverUrl.parse(text).text if text else ""
        except InvalidUrl as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """With the patterns of both fields in `kinds`."""
        values: dict[str, Any] = self.cleaned_data
        if "families" in values and "kinds" in values:
            single = values["kinds"].replace(",", " ").split()
            try:
                values["kinds"] = check_patterns([*values["families"], *single])
            except UnknownKind as error:
                self.add_error("kinds", str(error))
        return values
