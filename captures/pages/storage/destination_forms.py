"""The form of a new destination of off-site copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from pydantic import BaseModel

from captures.pages.storage.labels import CLASS_LABELS
from captures.storage.offsite.destinations.settings import SECRETS, SETTINGS
from captures.storage.offsite.resource import DESTINATIONS, DestinationRequest
from captures.storage.stored_files.classes import COPIED
from core.pages.forms import NAME_ATTRS, UnitInput
from core.resources.forms import KindForm

MEGABYTE = 1_000_000
NAMES = ("name", "keep_local", "begin", "end")


class SecretText(forms.Textarea):
    """Never shown with its value, as a password is not."""

    def format_value(self, value: Any) -> None:
        return None


class DestinationForm(KindForm):
    """`kind`: one of DESTINATION_KINDS. The limit is written in MB/s."""

    ids = "destination-%s"

    def __init__(self, kind: str, data: Any = None, *, user: Any = None) -> None:
        super().__init__(
            DestinationRequest, DESTINATIONS.settings_model(kind), data, user=user, fixed={"kind": kind}, names=NAMES
        )
        self.kind = kind
        self.fields["classes"] = forms.MultipleChoiceField(
            label="Files", widget=forms.CheckboxSelectMultiple,
            choices=[(name, CLASS_LABELS[name]) for name in COPIED],
            error_messages={"required": "Choose at least one class of files."},
        )  # fmt: skip
        self.fields["keep_local"].initial = True
        self.fields["limit"] = forms.DecimalField(
            required=False, min_value=0, max_value=1_000_000, widget=UnitInput("MB/s"),
            help_text="of each host; empty: no limit",
            error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), "Write a number of MB/s, or nothing."),
        )  # fmt: skip
        if "private_key" in self.fields:
            # Of several lines.
            about = self.fields["private_key"]
            self.fields["private_key"] = forms.CharField(
                label=about.label, help_text=about.help_text, required=False, max_length=20_000,
                widget=SecretText(attrs={"rows": 4, **NAME_ATTRS}),
            )  # fmt: skip

    @property
    def own_fields(self) -> list[Any]:
        """Those of its kind, in order."""
        return [self[name] for name in self._settings.model_fields]

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        others = {name: value for name, value in values.items() if name != "limit"}
        limit = values.get("limit")
        return {**super().given(others), "bytes_per_s": None if limit is None else int(limit * MEGABYTE)}

    def checks(self, given: dict[str, Any]) -> list[tuple[type[BaseModel], dict[str, Any]]]:
        """The place and the secrets have a rule each."""
        parts = [SETTINGS[self.kind], SECRETS[self.kind]]
        settings = given["settings"]
        return [
            *super().checks(given),
            *((model, {name: settings[name] for name in model.model_fields if name in settings}) for model in parts),
        ]

    def add_errors(self, error: ValidationError) -> None:
        """A place that can never be used is wrong at its first field."""
        if found := getattr(error, "error_dict", {}).pop("settings", []):
            self.add_error(next(iter(self._settings.model_fields)), found)
        super().add_errors(error)
