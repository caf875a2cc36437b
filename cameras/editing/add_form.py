"""The form that adds a camera, filled in by hand or from discovery."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from cameras.drivers import DRIVERS, driver_class
from cameras.drivers.credentials import LOGIN, redact_address
from cameras.editing import services
from cameras.models import Camera, slug_validator
from cameras.serializers import check_no_route
from core.pages.forms import NAME_ATTRS, PageForm, same_message, short_choices, validate_line

ADDRESSES = {
    "gphoto2": "the serial number, for example 3012345; empty: the first camera found",
    "opencv": "/dev/v4l/by-id/..., or a video file",
    "pixelink": "the serial number; empty: the first camera found",
    "simulated": "not needed",
}
"""Kind -> an example of its address."""
KINDS = [(kind, label) for kind, (label, _) in DRIVERS.items()]
NAME_RULE = "A name has 1 to 80 characters."
HOST_RULE = "Choose a host."


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


class AddForm(PageForm):
    """A new camera. The service checks the same values again, because programs use it too."""

    ids = "add-%s"
    slug = forms.CharField(
        label="ID", max_length=40, widget=forms.TextInput(attrs=NAME_ATTRS),
        help_text="lower-case letters, digits and hyphens; cannot be changed later",
        error_messages=same_message("An ID has at most 40 lower-case letters, digits and hyphens."),
    )  # fmt: skip
    name = forms.CharField(
        max_length=80, required=False, validators=[validate_line], error_messages=same_message(NAME_RULE),
        help_text="shown on all pages; empty: same as the ID", widget=forms.TextInput(attrs=NAME_ATTRS),
    )  # fmt: skip
    kind = forms.ChoiceField(
        choices=short_choices(KINDS),
        error_messages={
            "required": "Choose a kind.",
            "invalid_choice": f"There is no kind '%(value)s'; known are: {', '.join(sorted(DRIVERS))}.",
        },
    )
    address = AddressField()
    host = forms.CharField(max_length=60, required=False, widget=forms.Select, error_messages=same_message(HOST_RULE))

    def __init__(self, data: Any = None, hosts: list[str] | None = None) -> None:
        super().__init__(data)
        self.fields["host"].widget.choices = [(name, name) for name in hosts or []]

    @property
    def examples(self) -> list[tuple[str, str]]:
        """Label of a kind, and an example of its address."""
        return [(label, address_example(kind)) for kind, label in KINDS]

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        slug_validator(slug)
        try:
            return check_no_route(slug)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """The kind says which addresses are allowed."""
        kind, address = self.cleaned_data.get("kind"), self.cleaned_data.get("address")
        if kind and address is not None:
            try:
                Camera(kind=kind, address=address).clean()
            except ValidationError as error:
                self.add_errors(error)
        return self.cleaned_data

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
            return services.add_camera(**self.cleaned_data, actor=actor)
        except ValidationError as error:
            self.add_errors(error)
        return None
