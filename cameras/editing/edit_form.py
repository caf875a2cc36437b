"""The form that changes a camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from cameras.editing import services
from cameras.editing.add_form import AddressField, address_example, host_select
from cameras.models import Camera
from cameras.resource import IN_FORM, OF_FILES, CameraChange
from core.pages.forms import WAS
from core.resources.forms import ModelForm


class EditForm(ModelForm):
    """It changes the fields that were edited. The address is checked when it is saved, because the check needs the
    stored password. A primary camera has no field `primary`: it stays primary until another camera is made it."""

    ids, wide = "edit-%s", False

    def __init__(self, camera: Camera, data: Mapping[str, Any] | None = None, hosts: list[str] | None = None) -> None:
        self.camera = camera
        left_out = {*(() if camera.kept_formats else OF_FILES), *(("primary",) if camera.primary else ())}
        names = [name for name in IN_FORM if name not in left_out]
        super().__init__(CameraChange, data, row=camera, names=names)
        self.fields["address"] = AddressField(initial=camera.address, help_text=address_example(camera.kind))
        # A select without the present host would choose the first one, and saving would move the camera.
        self.fields["host"].widget = host_select(sorted({*(hosts or []), camera.host}))
        for field in self.fields.values():
            field.show_hidden_initial = True
        for name in {*self.texts} - {"address"}:
            self.fields[name].widget.attrs["required"] = True
        if data is not None:
            shown = {name: str(field.initial) for name, field in self.fields.items()}
            # A form without the hidden values is compared with the row, so that a missing field is no change.
            was = {f"{WAS}{name}": value for name, value in shown.items()}
            # Another program that posts the form may not know all texts. A missing box is one without a tick.
            self.data = {**was, **{name: shown[name] for name in self.texts}, **data}

    @property
    def texts(self) -> list[str]:
        """The fields that are no boxes to tick."""
        return [name for name, field in self.fields.items() if not isinstance(field, forms.BooleanField)]

    @property
    def lines(self) -> list[Any]:
        return [self[name] for name in self.texts]

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A field that was not edited is not saved: it would undo what another user has set since the form was opened.
        # None would be no change, too.
        edited = [name for name in self.changed_data if name in values]
        return {name: "" if values[name] is None else values[name] for name in edited}

    def save(self, actor: str) -> Camera | None:
        """The changed camera; None when it is refused, with `errors`. LeaseHeld, SessionRunning."""
        if not self.is_valid():
            return None
        try:
            return services.change_camera(self.camera, self.wanted, actor) if self.changed_data else self.camera
        except ValidationError as error:
            self.add_errors(error)
        return None
