"""Pages of cameras: connect, lease, settings, faults, discovery. Captures have pages of their own."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.broker.broker import BrokerDown
from cameras.camera_display import STATE_DISPLAYS, CameraDisplay, camera_displays
from cameras.commands.control import ControlError
from cameras.discovery.service import discover_cameras, host_names
from cameras.editing import services
from cameras.editing.add_form import AddForm
from cameras.editing.faults_form import FaultsForm
from cameras.editing.settings_form import SettingsForm, setting_label, with_unit
from cameras.leases import service as leases
from cameras.leases.lease_holders import NOBODY, LeaseHeld, holder_of, lease_of
from cameras.models import Camera
from cameras.presets.service import presets_for
from cameras.selectors import camera_for, cameras_for
from core.pages.page import Page, is_htmx_request, message_response, redirect_back
from core.templatetags.skycam import clock_text
from core.text.naming import with_names

UNREACHED = (ControlError, BrokerDown)
"""Why a command did not reach a camera. Each message says what to do."""


def refusal(error: Exception, camera: Camera) -> str:
    """The error as pages show it: with the camera's name and local times."""
    if isinstance(error, LeaseHeld):
        return error.sentence(camera.name, clock_text(error.holder.since))
    return with_names(str(error), {camera.slug: camera.name})


class CameraPage(Page):
    """A page of the camera in the URL."""

    def camera(self) -> Camera:
        """404 also for a camera that the user may not see."""
        try:
            return camera_for(self.request.user, self.kwargs["slug"])
        except Camera.DoesNotExist:
            raise Http404 from None


class ConnectPage(CameraPage):
    roles = {"POST": "operator"}
    connected = True

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Set whether the camera should be connected, and show the result."""
        camera = self.camera()
        try:
            observed = services.connect(camera, self.connected, self.actor)["observed"]
        except UNREACHED as error:
            return message_response(request, "bad", refusal(error, camera))
        return message_response(request, "ok", f"{camera.name}: {STATE_DISPLAYS[observed].label.lower()}.")


def acquire_from_form(request: HttpRequest, camera: Camera, actor: str) -> Camera:
    """Acquire the lease; take it over only from the holder whom the form's `over` names, because that is whom the user
    confirmed. LeaseHeld."""
    seen = request.POST.get("over", "")
    return leases.acquire_lease(camera, actor, over=bool(seen), seen=seen)


class AcquireLeasePage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Take the camera; take it over where the form says so."""
        camera = self.camera()
        try:
            acquire_from_form(request, camera, self.actor)
        except LeaseHeld as error:
            return message_response(request, "bad", refusal(error, camera))
        return message_response(request, "ok", f"You hold {camera.name}.", holder=self.actor)


class RenewLeasePage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Renew this user's lease. A lease that was lost is not acquired again."""
        if leases.renew_lease(self.camera(), self.actor):
            return HttpResponse(status=204) if is_htmx_request(request) else redirect_back(request)
        camera = self.camera()
        lease = lease_of(camera)
        who = f"{lease.holder.held_by} took it over" if lease else "It was released, or not renewed in time"
        return message_response(request, "warn", f"You no longer hold {camera.name}. {who}.")


class ReleaseLeasePage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        try:
            other = holder_of(leases.release_lease(camera, self.actor))
        except LeaseHeld as error:
            return message_response(request, "bad", refusal(error, camera))
        left = f"The session of {other.held_by} holds it now" if other else "No one holds it now"
        holder = other.held_by if other else NOBODY
        return message_response(request, "ok", f"You have released {camera.name}. {left}.", holder=holder)


class SettingsPage(CameraPage):
    roles = {"GET": "viewer", "POST": "operator"}
    template = "cameras/settings.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._form(SettingsForm(self.camera()))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Set these settings, and show what the camera accepted."""
        camera = self.camera()
        form = SettingsForm(camera, request.POST)
        if not form.valid:
            return self._form(form, status=400)
        try:
            warnings = self._set(camera, form)
        except LeaseHeld as error:
            return self._form(form, tone="bad", sentence=f"Nothing was sent. {refusal(error, camera)}", status=409)
        except UNREACHED as error:
            kept = f"Stored until the camera connects. {refusal(error, camera)}"
            return self._form(SettingsForm(camera), tone="warn", sentence=kept)
        except ValidationError as error:
            return self._form(form, tone="bad", sentence=" ".join(error.messages), status=400)
        if not is_htmx_request(request):
            return redirect("camera", slug=slug)
        tone, sentence = ("warn", " ".join(warnings)) if warnings else ("ok", "The camera has applied the settings.")
        return self._form(SettingsForm(camera, answered=True), tone=tone, sentence=sentence)

    def _set(self, camera: Camera, form: SettingsForm) -> list[str]:
        answer = services.set_settings(camera, form.values, self.actor, replace=True)
        camera.refresh_from_db()
        camera.read_back, camera.differs = answer["actual"], answer["differs"]
        return answer["warnings"]

    def _form(self, form: SettingsForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_settings.html" if is_htmx_request(self.request) else self.template
        return self.render({**panel_context(form), **outcome}, template, status)


def panel_context(form: SettingsForm) -> dict[str, Any]:
    """The template context of the settings panel."""
    camera = form.camera
    return {"form": form, "camera": camera, "presets": presets_for(camera), "changes": body_change_rows(camera)}


def body_change_rows(camera: Camera) -> list[dict[str, str]]:
    """The changes on the camera's body, formatted."""
    return [
        {
            "label": setting_label(one["name"]),
            "has": with_unit(camera, one["name"], one["has"]),
            "desired": with_unit(camera, one["name"], one["wished"]),
        }
        for one in camera.body_changes
    ]


class FaultsPage(CameraPage):
    """The faults of a simulated camera. Other cameras have no such page."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/faults.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        try:
            form = FaultsForm(services.read_faults(camera))
        except UNREACHED as error:
            return self._form(camera, FaultsForm({}), tone="bad", sentence=refusal(error, camera))
        except ValidationError as error:
            raise Http404(" ".join(error.messages)) from None
        return self._form(camera, form)

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Set the faults that are filled in, clear the others, and show which are on."""
        camera = self.camera()
        form = FaultsForm({}, {} if request.POST.get("do") == "clear" else request.POST.dict())
        if form.faults is None:
            return self._form(camera, form, status=400)
        try:
            found = services.set_faults(camera, form.faults, self.actor)
        except UNREACHED as error:
            return self._form(camera, form, tone="bad", sentence=refusal(error, camera))
        except ValidationError as error:
            return self._form(camera, form, tone="bad", sentence=" ".join(error.messages), status=400)
        if not is_htmx_request(request):
            return redirect("camera", slug=slug)
        said = "The faults apply from the next picture." if found else "All faults are off."
        return self._form(camera, FaultsForm(found), tone="ok", sentence=said)

    def _form(self, camera: Camera, form: FaultsForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_faults.html" if is_htmx_request(self.request) else self.template
        return self.render({"faults": form, "camera": camera, **outcome}, template, status)


class CamerasPage(Page):
    """The list of cameras, and the form that adds one, by hand or from discovery."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/cameras.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_page(AddForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddForm(request.POST.dict())
        camera = form.add(self.actor)
        if is_htmx_request(request):
            return self._row(form, camera)
        return self.render_page(form, status=400) if camera is None else redirect("camera", slug=camera.slug)

    def render_page(self, form: AddForm, status: int = 200, **more: Any) -> HttpResponse:
        return self.render({"form": form, "displays": self.displays(), "hosts": host_names(), **more}, status=status)

    def displays(self) -> list[CameraDisplay]:
        return camera_displays(cameras_for(self.request.user))

    def _row(self, form: AddForm, camera: Camera | None) -> HttpResponse:
        """The discovered camera's row, with the result of adding it."""
        posted = self.request.POST
        names = ("host", "kind", "label", "address", "name", "model", "serial", "held_by")
        one: dict[str, Any] = {name: posted.get(name, "") for name in names}
        one |= {"suggested": posted.get("slug", ""), "camera": camera.slug if camera else None}
        added = {"added": camera, "displays": self.displays()} if camera else {}
        answer = self.render({"one": one, "error": form.error, **added}, "cameras/_found_camera.html")
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
        return self.render_page(AddForm(), **found)
