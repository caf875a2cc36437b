"""The form of a web-hook: families of events are ticked, and single kinds are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from core.resources.forms import ModelForm
from monitoring.models import Webhook
from monitoring.webhooks.kinds import ALL, FAMILIES
from monitoring.webhooks.resource import EXAMPLE, WebhookChange, WebhookRequest

FAMILY_CHOICES = [(ALL, "all"), *((f"{family}.*", family) for family in FAMILIES)]


class WebhookForm(ModelForm):
    """A new web-hook, or the changes of one. The stored address has secrets, so it is never shown in the field."""

    ids = "webhook-%s"

    def __init__(self, data: Any = None, webhook: Webhook | None = None) -> None:
        super().__init__(
            WebhookChange if webhook else WebhookRequest, data, row=webhook, names=("name", "url", "kinds")
        )
        families = {value for value, _ in FAMILY_CHOICES}
        stored = webhook.kinds if webhook else []
        self.fields["families"] = forms.MultipleChoiceField(
            label="Events", required=False, choices=FAMILY_CHOICES, widget=forms.CheckboxSelectMultiple,
            initial=[kind for kind in stored if kind in families],
        )  # fmt: skip
        url, kinds = self.fields["url"], self.fields["kinds"]
        # People compare an address while they write it.
        url.widget = forms.TextInput({**url.widget.attrs, "placeholder": "" if webhook else EXAMPLE})
        url.help_text = f"Now {webhook.url_shown}. Leave it empty to keep the address." if webhook else ""
        kinds.label, kinds.help_text = "Single kinds", "Names of kinds, in addition to what is ticked."
        kinds.initial = " ".join(kind for kind in stored if kind not in families)

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A program that leaves a field out keeps it; a person who has emptied it may not.
        kinds = [*values["families"], *(values["kinds"] or [])]
        return {**super().given({"url": values["url"]}), "name": values["name"] or "", "kinds": kinds}
