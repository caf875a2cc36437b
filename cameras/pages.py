"""Pages of cameras as rows and devices: connect, disconnect, settings. What they capture is a matter of captures."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras import services, taking
from cameras.add_form import AddForm
from cameras.broker import BrokerDown
from cameras.control import ControlError
from cameras.detection import detect, hosts
from cameras.faces import LOOKS, Face, faces_of
from cameras.faults_form import FaultsForm
from cameras.leases import NOBODY, Held, holder_of, lease_of
from cameras.models import Camera
from cameras.presets import presets_for
from cameras.selectors import camera_for, cameras_for
from cameras.settings_form import SettingsForm, called, with_unit
from monitoring.naming import with_names
from monitoring.page import Page, back, is_part, said
from monitoring.templatetags.skycam import clock_text

UNREACHED = (ControlError, BrokerDown)
"""What keeps a command from a camera. Each says in a sentence what to do."""


def refusal(error: Exception, camera: Camera) -> str:
    """As the page says it: with the camera's name, and times in the page's form."""
    if isinstance(error, Held):
        return error.sentence(camera.name, clock_text(error.holder.since))
    return with_names(str(error), {camera.slug: camera.name})


class CameraPage(Page):
    """A page of the camera that the address names."""

    def camera(self) -> Camera:
        """404 also when the user may not see it."""
        try:
            return camera_for(self.request.user, self.kwargs["slug"])
        except Camera.DoesNotExist:
            raise Http404 from None


class ConnectPage(CameraPage):
    roles = {"POST": "operator"}
    connected = True

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Wish the camera connected (or not), and say what came of it."""
        camera = self.camera()
        try:
            observed = services.connect(camera, self.connected, self.actor)["observed"]
        except UNREACHED as error:
            return said(request, "bad", refusal(error, camera))
        return said(request, "ok", f"{camera.name}: {LOOKS[observed].word.lower()}.")


def taken_over(request: HttpRequest, camera: Camera, actor: str) -> Camera:
    """Taken from the one whom the form's `over` names, as they were asked about; without it from nobody. Held."""
    seen = request.POST.get("over", "")
    return taking.take(camera, actor, over=bool(seen), seen=seen)


class TakePage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Take the camera, from another where the form says so."""
        camera = self.camera()
        try:
            taken_over(request, camera, self.actor)
        except Held as error:
            return said(request, "bad", refusal(error, camera))
        return said(request, "ok", f"You hold {camera.name}.", holder=self.actor)


class HoldPage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Renew what this person holds; what they hold no more is not taken again."""
        if taking.renew(self.camera(), self.actor):
            return HttpResponse(status=204) if is_part(request) else back(request)
        camera = self.camera()
        lease = lease_of(camera)
        who = f"{lease.holder.held_by} took it over" if lease else "It was released, or not renewed in time"
        return said(request, "warn", f"You do not hold {camera.name} any more. {who}.")


class ReleasePage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        try:
            other = holder_of(taking.release(camera, self.actor))
        except Held as error:
            return said(request, "bad", refusal(error, camera))
        left = f"The session of {other.held_by} holds it now" if other else "Nobody holds it now"
        holder = other.held_by if other else NOBODY
        return said(request, "ok", f"You have released {camera.name}. {left}.", holder=holder)


class SettingsPage(CameraPage):
    roles = {"GET": "viewer", "POST": "operator"}
    template = "cameras/settings.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._form(SettingsForm(self.camera()))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Wish for these settings, and show what the camera really took."""
        camera = self.camera()
        form = SettingsForm(camera, request.POST)
        if not form.valid:
            return self._form(form, status=400)
        try:
            warnings = self._set(camera, form)
        except Held as error:
            return self._form(form, tone="bad", sentence=f"Nothing was sent. {refusal(error, camera)}", status=409)
        except UNREACHED as error:
            kept = f"Kept for when the camera opens. {refusal(error, camera)}"
            return self._form(SettingsForm(camera), tone="warn", sentence=kept)
        except ValidationError as error:
            return self._form(form, tone="bad", sentence=" ".join(error.messages), status=400)
        if not is_part(request):
            return redirect("camera", slug=slug)
        tone, sentence = ("warn", " ".join(warnings)) if warnings else ("ok", "The camera has taken it.")
        return self._form(SettingsForm(camera, answered=True), tone=tone, sentence=sentence)

    def _set(self, camera: Camera, form: SettingsForm) -> list[str]:
        answer = services.set_settings(camera, form.values, self.actor, replace=True)
        camera.refresh_from_db()
        camera.read_back = answer.get("actual", camera.read_back)
        camera.differs = answer.get("differs", [])
        return list(answer.get("warnings", []))

    def _form(self, form: SettingsForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_settings.html" if is_part(self.request) else self.template
        return self.render({**panel(form), **outcome}, template, status)


def panel(form: SettingsForm) -> dict[str, Any]:
    """What the settings panel shows."""
    camera = form.camera
    return {"form": form, "camera": camera, "presets": presets_for(camera), "changes": changes_of(camera)}


def changes_of(camera: Camera) -> list[dict[str, str]]:
    """What was changed on the camera's body, as people read it."""
    return [
        {
            "label": called(one["name"]),
            "has": with_unit(camera, one["name"], one["has"]),
            "wished": with_unit(camera, one["name"], one["wished"]),
        }
        for one in camera.body_changes
    ]


class FaultsPage(CameraPage):
    """What a simulated camera is made to do wrong. Another camera has no such page."""

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
        """Switch on what is filled in, and off what is not; say what is on then."""
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
        if not is_part(request):
            return redirect("camera", slug=slug)
        said = "They strike from the next picture on." if found else "No fault is on."
        return self._form(camera, FaultsForm(found), tone="ok", sentence=said)

    def _form(self, camera: Camera, form: FaultsForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_faults.html" if is_part(self.request) else self.template
        return self.render({"faults": form, "camera": camera, **outcome}, template, status)


class CamerasPage(Page):
    """Which cameras there are; adding one, by hand or as it was found."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/cameras.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(AddForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddForm(request.POST.dict())
        camera = form.add(self.actor)
        if is_part(request):
            return self._row(form, camera)
        return self.page(form, status=400) if camera is None else redirect("camera", slug=camera.slug)

    def page(self, form: AddForm, status: int = 200, **more: Any) -> HttpResponse:
        return self.render({"form": form, "faces": self.faces(), "hosts": hosts(), **more}, status=status)

    def faces(self) -> list[Face]:
        return faces_of(cameras_for(self.request.user))

    def _row(self, form: AddForm, camera: Camera | None) -> HttpResponse:
        """The found camera's line, with what came of it."""
        asked = self.request.POST
        names = ("host", "kind", "label", "address", "name", "model", "serial", "held_by")
        one: dict[str, Any] = {name: asked.get(name, "") for name in names}
        one |= {"suggested": asked.get("slug", ""), "camera": camera.slug if camera else None}
        added = {"added": camera, "faces": self.faces()} if camera else {}
        answer = self.render({"one": one, "error": form.error, **added}, "cameras/_found_camera.html")
        if camera:
            answer.headers["HX-Trigger"] = "acted"
        return answer


class DetectPage(CamerasPage):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Look on all hosts; for a script the found cameras alone."""
        try:
            found: dict[str, Any] = {"found": detect()}
        except BrokerDown as error:
            found = {"trouble": str(error)}
        if is_part(request):
            return self.render({"hosts": hosts(), **found}, "cameras/_found.html")
        return self.page(AddForm(), **found)
