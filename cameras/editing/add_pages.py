"""The page of all cameras, with discovery, and the form that adds one, filled in by hand or from discovery."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.camera_display import CameraDisplay, camera_displays
from cameras.discovery.service import discover_cameras, host_names
from cameras.drivers import DRIVERS, driver_class
from cameras.drivers.credentials import LOGIN, redact_address
from cameras.editing import services
from cameras.models import Camera
from cameras.resource import CameraNew
from cameras.selectors import cameras_for
from core.broker.broker import BrokerDown
from core.pages import NAME_ATTRS, Page, is_htmx_request, same_message, short_choices
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


class CamerasPage(Page):
    """The list of cameras, and the form that adds one, by hand or from discovery."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/cameras.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_page(AddForm(hosts=host_names()))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddForm(request.POST, host_names())
        camera = form.save(self.actor)
        if is_htmx_request(request):
            return self._row(form, camera)
        return self.render_page(form, status=400) if camera is None else redirect("camera", slug=camera.slug)

    def render_page(self, form: AddForm, status: int = 200, **more: Any) -> HttpResponse:
        return self.render({"form": form, "displays": self.displays(), "hosts": host_names(), **more}, status=status)

    def displays(self) -> list[CameraDisplay]:
        return camera_displays(cameras_for(self.request.user))

    def _row(self, form: AddForm, camera: Camera | None) -> HttpResponse:
        """The discovered camera's row, with the result of adding it."""
        # The results of a discovery are stored nowhere: the row's form sends back what the row shows.
        names = ("host", "kind", "label", "address", "name", "model", "serial", "held_by")
        one: dict[str, Any] = {name: form.data.get(name, "") for name in names}
        one |= {"suggested": form.data.get("slug", ""), "camera": camera.slug if camera else None}
        added = {"added": camera, "displays": self.displays()} if camera else {}
        answer = self.render({"one": one, "error": form.error_line, **added}, "cameras/_found_camera.html")
        if camera:
            answer.headers["HX-Trigger"] = "acted"
        return answer


class DiscoverPage(CamerasPage):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Discover cameras on all hosts; a partial request gets only the results."""
        try:
            found: dict[str, Any] = {"found": discover_cameras()}
        except BrokerDown as error:
            found = {"trouble": str(error)}
        if is_htmx_request(request):
            return self.render({"hosts": host_names(), **found}, "cameras/_found.html")
        return self.render_page(AddForm(hosts=host_names()), **found)
