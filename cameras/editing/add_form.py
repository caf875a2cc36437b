"""The form that adds a camera, filled in by hand or from discovery."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from cameras.drivers import DRIVERS, driver_class
from cameras.drivers.credentials import LOGIN, redact_address
from cameras.editing import services
from cameras.models import Camera
from cameras.resource import CameraNew
from core.pages.forms import NAME_ATTRS, same_message, short_choices
from core.resources.forms import ModelForm

ADDRESSES = {
    "gphoto2": "the serial number, for example 3012345; empty: the first camera found",
    "opencv": "/dev/v4l/by-id/..., or a video file",
    "pixelink": "the serial number; empty: the first camera found",
    "simulated": "not needed",
}
"""Kind -> an example of its address."""
KINDS = [(kind, label) for kind, (label, _) in DRIVERS.items()]


def address_example(kind: str) -> str:
    """An example of an address of that kind."""
    return ADDRESSES.get(kind) or driver_class(kind).example


def safe_address(address: str) -> str:
    """The address as the form may show it again: without its password; empty if the password cannot be separated from
    the rest."""
    login = LOGIN.match(address)
    # An @ that belongs to no login can be a part of a password that was not escaped.
    return "" if "@" in address[login.end() if login else 0 :] else redact_address(address)


class AddressField(forms.CharField):
    """An address. A form that was refused does not show a typed password again."""

    def __init__(self, **more: Any) -> None:
        rule = same_message("An address has at most 500 characters.")
        widget = forms.TextInput(attrs=NAME_ATTRS)
        super().__init__(max_length=500, required=False, error_messages=rule, widget=widget, **more)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return safe_address(data) if data else data


def host_select(names: list[str]) -> forms.Select:
    return forms.Select(choices=[(name, name) for name in names])


class AddForm(ModelForm):
    """A new camera. The service checks the same values again, because programs use it too."""

    ids, wide = "add-%s", False

    def __init__(self, data: Any = None, hosts: list[str] | None = None) -> None:
        super().__init__(CameraNew, data, names=("slug", "name", "kind", "address", "host"))
        known = f"There is no kind '%(value)s'; known are: {', '.join(sorted(DRIVERS))}."
        errors = {"required": "Choose a kind.", "invalid_choice": known}
        self.fields["slug"].widget.attrs["required"] = True
        self.fields["kind"] = forms.ChoiceField(choices=short_choices(KINDS), error_messages=errors)
        self.fields["address"] = AddressField()
        self.fields["host"].widget = host_select(hosts or [])

    @property
    def examples(self) -> list[tuple[str, str]]:
        """Label of a kind, and an example of its address."""
        return [(label, address_example(kind)) for kind, label in KINDS]

    def clean(self) -> dict[str, Any]:
        """The kind says which addresses are allowed."""
        values = super().clean()
        if values.get("kind") and "address" in values:
            try:
                Camera(kind=values["kind"], address=values["address"]).clean()
            except ValidationError as error:
                self.add_errors(error)
        return values

    @property
    def error_line(self) -> str:
        """All errors in one line, each after the label of its field."""
        lines = [(self[name].label if name in self.fields else "", texts) for name, texts in self.errors.items()]
        return " ".join(f"{label}: {text}" if label else f"{text}" for label, texts in lines for text in texts)

    def save(self, actor: str) -> Camera | None:
        """The new camera; None when it is refused, with `errors`."""
        if not self.is_valid():
            return None
        try:
            return services.add_camera(self.wanted, actor)
        except ValidationError as error:
            self.add_errors(error)
        return None
