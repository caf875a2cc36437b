"""The form that removes a camera."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html

from cameras.models import Camera
from core.pages.forms import NAME_ATTRS, PageForm, same_message


class RemoveForm(PageForm):
    """Asks for the id of `camera`, so that no camera is removed by a wrong click."""

    ids, focus, wide = "remove-%s", "typed", True
    typed = forms.CharField(max_length=40, widget=forms.TextInput(attrs=NAME_ATTRS))

    def __init__(self, camera: Camera, data: Any = None) -> None:
        super().__init__(data)
        self.camera = camera
        self.rule = f"This is not the camera's ID. Type {camera.slug} to remove it."
        typed = self.fields["typed"]
        typed.label = format_html('Type its ID, <b class="mono">{}</b>, to confirm', camera.slug)
        typed.error_messages |= same_message(self.rule)

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.camera.slug:
            raise ValidationError(self.rule)
        return typed
