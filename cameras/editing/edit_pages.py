"""Pages on which a manager edits and removes a camera."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from cameras.camera_page import CameraPage, refusal
from cameras.discovery.service import host_names
from cameras.editing import services
from cameras.editing.edit_form import EditForm
from cameras.editing.remove_form import RemoveForm
from cameras.leases.lease_holders import LeaseHeld
from core.pages.page import is_htmx_request


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
