"""Pages and forms with which a manager edits a camera, sets who may see it, and removes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.html import format_html

from cameras.audience import audience_of
from cameras.camera_view import CameraPage, refusal
from cameras.discovery.service import host_names
from cameras.editing import services
from cameras.editing.add_pages import AddressField, address_example, host_select
from cameras.leases import LeaseHeld
from cameras.models import Camera
from cameras.resource import IN_FORM, OF_FILES, CameraChange
from core.pages import NAME_ATTRS, WAS, PageForm, is_htmx_request, same_message
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


class AudienceForm(PageForm):
    """Everyone with a role, or managers and the ticked users. `listed` are the names that are ticked."""

    ids = "seen-by-%s"
    restricted = forms.ChoiceField(
        choices=[("", "Everyone with a role"), ("yes", "Managers and the people selected here:")],
        required=False, widget=forms.RadioSelect,
        error_messages=same_message("Choose everyone, or managers and the people selected."),
    )  # fmt: skip
    audience = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "There is no user %(value)s. A manager adds users on the page Users."},
    )  # fmt: skip

    def __init__(self, listed: list[str], data: Any = None, **more: Any) -> None:
        super().__init__(data, **more)
        self.fields["audience"].choices = people(listed)  # type: ignore[attr-defined]

    def clean_restricted(self) -> bool:
        return bool(self.cleaned_data["restricted"])

    @classmethod
    def of(cls, camera: Camera) -> AudienceForm:
        """The form as the camera is."""
        listed = audience_of(camera)
        return cls(listed, initial={"restricted": "yes" if camera.restricted else "", "audience": listed})


def people(listed: list[str]) -> list[tuple[str, str]]:
    """The users whom a restriction concerns: viewers, operators, and everyone who is listed already."""
    users = [(user.get_username(), user.role) for user in get_user_model().objects.order_by("username")]
    return [
        (name, format_html('{} <span class="dim">{}</span>', name, role))
        for name, role in users
        # A manager needs no entry, but one who is listed stays: without a box, saving would remove the name silently.
        if role in {"viewer", "operator"} or name in listed
    ]


class AudiencePage(CameraPage):
    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/audience.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        return self._form(camera, AudienceForm.of(camera))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Open the camera to every user with a role, or restrict it to managers and the ticked users."""
        camera = self.camera()
        # The names that were sent count as listed: a user who became a manager since the form was opened is a valid
        # choice.
        form = AudienceForm(request.POST.getlist("audience"), request.POST)
        if not form.is_valid():
            return self._form(camera, form, status=400)
        try:
            services.change_camera(camera, CameraChange(**form.cleaned_data), self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self._form(camera, form, status=400)
        if not is_htmx_request(request):
            return redirect("camera", slug=slug)
        return self._form(camera, form, tone="ok", sentence="Saved. Open pages update within 5 s.")

    def _form(self, camera: Camera, form: AudienceForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_audience.html" if is_htmx_request(self.request) else self.template
        return self.render({"camera": camera, "form": form, **outcome}, template, status)
