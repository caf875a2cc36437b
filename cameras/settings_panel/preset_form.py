"""The form that saves the desired settings as a preset."""

from __future__ import annotations

from django import forms

from cameras.models import preset_name_validator
from core.pages.forms import PageForm, same_message


class PresetForm(PageForm):
    ids = "preset-%s"
    name = forms.CharField(
        max_length=60, widget=forms.TextInput(attrs={"placeholder": "Name", "aria-label": "Name of a new preset"}),
        error_messages=same_message(str(preset_name_validator.message)),
    )  # fmt: skip

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        preset_name_validator(name)
        return name
