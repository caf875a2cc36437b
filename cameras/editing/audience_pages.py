"""The page and the form with which a manager sets who may see a camera."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html

from cameras.audience import audience_of
from cameras.camera_view import CameraPage
from cameras.editing import services
from cameras.models import Camera
from cameras.resource import CameraChange
from core.pages.forms import PageForm, same_message
from core.pages.page import is_htmx_request


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
