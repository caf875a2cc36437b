"""The page of a simulated camera's faults."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.camera_page import CameraPage, refusal
from cameras.errors import UNREACHED
from cameras.faults.faults_form import FaultsForm
from cameras.faults.service import read_faults, set_faults
from cameras.models import Camera
from core.pages.page import is_htmx_request


class FaultsPage(CameraPage):
    """The faults of a simulated camera. Other cameras have no such page."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/faults.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        try:
            form = FaultsForm(active=read_faults(camera))
        except UNREACHED as error:
            return self._form(camera, FaultsForm(), tone="bad", sentence=refusal(error, camera))
        except ValidationError as error:
            raise Http404(" ".join(error.messages)) from None
        return self._form(camera, form)

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Set the faults that are filled in, clear the others, and show which are on."""
        camera = self.camera()
        # The button that clears sends the fields, too: an invalid one must not prevent it.
        form = FaultsForm({} if request.POST.get("do") == "clear" else request.POST)
        if not form.is_valid():
            return self._form(camera, form, status=400)
        try:
            found = set_faults(camera, form.faults, self.actor)
        except UNREACHED as error:
            return self._form(camera, form, tone="bad", sentence=refusal(error, camera))
        except ValidationError as error:
            return self._form(camera, form, tone="bad", sentence=refusal(error, camera), status=400)
        if not is_htmx_request(request):
            return redirect("camera", slug=slug)
        said = "The faults apply from the next picture." if found else "All faults are off."
        return self._form(camera, FaultsForm(active=found), tone="ok", sentence=said)

    def _form(self, camera: Camera, form: FaultsForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_faults.html" if is_htmx_request(self.request) else self.template
        return self.render({"faults": form, "camera": camera, **outcome}, template, status)
