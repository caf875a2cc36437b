"""The form that changes a camera's name, address, host, and whether it is enabled and primary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from cameras.editing import services
from cameras.editing.add_form import HOST_RULE, NAME_RULE, AddressField, address_example
from cameras.models import Camera
from cameras.runtime.file_formats import FITS_COMPRESSIONS, KEEP_FORMATS, checked_keep
from core.pages.forms import NAME_ATTRS, WAS, PageForm, same_message, short_choices, validate_line


class EditForm(PageForm):
    """`changes` are the fields that were edited. The address is checked when it is saved, because the check needs the
    stored password. A primary camera has no field `primary`: it stays primary until another camera is made it."""

    ids = "edit-%s"
    name = forms.CharField(
        max_length=80, validators=[validate_line], error_messages=same_message(NAME_RULE), show_hidden_initial=True,
        help_text="shown on all pages", widget=forms.TextInput(attrs=NAME_ATTRS),
    )  # fmt: skip
    address = AddressField(show_hidden_initial=True)
    host = forms.CharField(
        max_length=60, widget=forms.Select, error_messages=same_message(HOST_RULE), show_hidden_initial=True,
        help_text="the machine that the camera is connected to",
    )  # fmt: skip
    keep = forms.CharField(
        label="Keep stills as", max_length=40, show_hidden_initial=True, widget=forms.TextInput(attrs=NAME_ATTRS),
        error_messages=same_message(f"Name at least one format of: {', '.join(KEEP_FORMATS)}."),
        help_text=f"{', '.join(KEEP_FORMATS)}; several with commas, the primary file first",
    )  # fmt: skip
    fits_compression = forms.ChoiceField(
        label="FITS compression", choices=short_choices(FITS_COMPRESSIONS.items()), show_hidden_initial=True,
        help_text=FITS_COMPRESSIONS["rice"], error_messages=same_message("Choose a compression."),
    )  # fmt: skip
    enabled = forms.BooleanField(
        required=False, show_hidden_initial=True,
        help_text="a disabled camera is not opened and does not count as a fault",
    )  # fmt: skip
    primary = forms.BooleanField(required=False, show_hidden_initial=True)

    def __init__(self, camera: Camera, data: Mapping[str, Any] | None = None, hosts: list[str] | None = None) -> None:
        self.camera = camera
        shown = {name: getattr(camera, name) for name in self.base_fields} | {"keep": ", ".join(camera.keep)}
        # A form without the hidden values is compared with the row, so that a missing field is no change.
        was = {f"{WAS}{name}": str(value) for name, value in shown.items()}
        # These may be missing: another program that posts the form may not know them.
        as_it_is = {name: shown[name] for name in ("keep", "fits_compression")}
        super().__init__(None if data is None else {**was, **as_it_is, **data}, initial=shown)
        self.fields["address"].help_text = address_example(camera.kind)
        # A select without the present host would choose the first one, and saving would move the camera.
        names = sorted({*(hosts or []), camera.host})
        self.fields["host"].widget.choices = [(name, name) for name in names]
        if camera.primary:
            del self.fields["primary"]
        # A camera that makes its own files: there is nothing to choose.
        if not camera.kept_formats:
            del self.fields["keep"], self.fields["fits_compression"]

    def clean_keep(self) -> list[str]:
        try:
            return checked_keep([name.strip().lower() for name in self.cleaned_data["keep"].split(",")])
        except ValueError as error:
            raise ValidationError(str(error)) from None

    @property
    def changes(self) -> dict[str, Any]:
        # A field that was not edited is not saved: it would undo what another user has set since the form was opened.
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def save(self, actor: str) -> Camera | None:
        """The changed camera; None when it is refused, with `errors`. LeaseHeld, SessionRunning."""
        if not self.is_valid():
            return None
        try:
            return services.change_camera(self.camera, self.changes, actor) if self.changes else self.camera
        except ValidationError as error:
            self.add_errors(error)
        return None
