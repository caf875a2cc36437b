"""Pages and forms with which a manager edits and removes a camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.html import format_html

from cameras.camera_view import CameraPage, refusal
from cameras.discovery.service import host_names
from cameras.editing import services
from cameras.editing.add_form import AddressField, address_example, host_select
from cameras.leases.lease_holders import LeaseHeld
from cameras.models import Camera
from cameras.resource import IN_FORM, OF_FILES, CameraChange
from core.pages.forms import NAME_ATTRS, WAS, PageForm, same_message
from core.pages.page import is_htmx_request
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


class EditPage(CameraPage):
    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/edit.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._form(EditForm(self.camera(), hosts=host_names()))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Change the edited fields, and no others."""
        camera = self.camera()
        form = EditForm(camera, request.POST.dict(), host_names())
        try:
            changed = form.save(self.actor)
        except LeaseHeld as error:
            return self._form(form, 409, refusal=refusal(error, camera))
        if changed is None:
            return self._form(form, 400)
        messages.success(request, f"{changed.name} was changed." if form.changed_data else "Nothing was changed.")
        return redirect("camera", slug=slug)

    def _form(self, form: EditForm, status: int = 200, **more: Any) -> HttpResponse:
        return self.render({"form": form, "camera": form.camera, **more}, status=status)


class RemovePage(CameraPage):
    """Asks you to type the camera's id: a removed camera can only be added again as a new one."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/remove.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._form(RemoveForm(self.camera()))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        form = RemoveForm(camera, request.POST)
        if not form.is_valid():
            return self._form(form, 400)
        try:
            services.remove_camera(camera, self.actor)
        except LeaseHeld as error:
            return self._form(form, 409, refusal=refusal(error, camera))
        messages.success(request, f"{camera.name} was removed. Its pictures, clips and sessions are kept.")
        home = resolve_url("cameras")
        # The browser would follow a redirect within htmx's request, and the list would appear inside the dialog.
        return HttpResponse(headers={"HX-Redirect": home}) if is_htmx_request(request) else redirect(home)

    def _form(self, form: RemoveForm, status: int = 200, **more: Any) -> HttpResponse:
        template = "cameras/_remove.html" if is_htmx_request(self.request) else self.template
        return self.render({"form": form, "camera": form.camera, **more}, template, status)
