"""The camera's page, and what is done there and on its card: capture, start, stop."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.drivers import driver_class
from cameras.faults_form import FaultsForm
from cameras.leases import Held
from cameras.pages import UNREACHED, changes_of, panel
from cameras.pages import CameraPage as PageOfCamera
from cameras.selectors import cameras_for
from cameras.settings_form import SettingsForm
from captures.camera_service import CameraService
from captures.cards import Card, cards_of
from captures.models import Capture
from captures.outcomes import NotSaved, check_saved
from captures.requests import CaptureRequest
from captures.selectors import captures_for, sessions_for
from captures.sessions.orders import active_session
from captures.sessions.pages import stop
from captures.start_form import StartForm
from captures.templatetags.captures import filename, original
from monitoring.feed import feed
from monitoring.page import is_part, said

STRIP = 12
SESSIONS = 6
EVENTS = 8


class CameraPage(PageOfCamera):
    template = "cameras/camera.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        card = self.card()
        simulated = driver_class(card.camera.kind).simulated
        faults = FaultsForm(card.face.status["faults"]) if simulated else None
        return self.render({**panel(SettingsForm(card.camera)), "faults": faults, **self.observed(card)})

    def card(self) -> Card:
        return cards_of(cameras_for(self.request.user).filter(pk=self.camera().pk))[0]

    def observed(self, card: Card) -> dict[str, Any]:
        """What changes by itself."""
        user, camera = self.request.user, card.camera
        return {
            "card": card,
            "camera": camera,
            "changes": changes_of(camera),
            "captures": list(captures_for(user).filter(camera_id=camera.pk).exclude(status="planned")[:STRIP]),
            "sessions": list(sessions_for(user).filter(camera_id=camera.pk)[:SESSIONS]),
            "lines": feed(user, EVENTS, camera=camera.slug),
        }


class CameraNow(CameraPage):
    """The parts of the camera's page that change by themselves."""

    template = "cameras/_now.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self.render(self.observed(self.card()))


class CapturePage(PageOfCamera):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Take one picture as the camera is set, and say how it ended."""
        try:
            outcome = CameraService(self.actor).capture(self.camera(), CaptureRequest())
            check_saved(outcome)
        except Held as error:
            return said(request, "bad", str(error))
        except NotSaved as error:
            return said(request, "bad", f"Not saved. {error}")
        if outcome.pending:
            return said(request, "warn", "Under way; its outcome will stand among the captures.")
        return said_saved(request, outcome.capture)


class StartPage(PageOfCamera):
    roles = {"GET": "operator", "POST": "operator"}
    template = "cameras/start.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._form(StartForm(self.camera()))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Start a session, and lead back to where its progress is shown."""
        camera = self.camera()
        form = StartForm(camera, request.POST.dict())
        if form.request is None:
            return self._form(form, status=400)
        try:
            session = CameraService(self.actor).start_session(camera, form.request)
        except UNREACHED as error:
            return self._form(form, refusal=str(error), status=409)
        if is_part(request):
            answer = said(request, "ok", f"Session {session.state}.")
            answer.headers["HX-Retarget"] = f"#said-{slug}"
            return answer
        return redirect("camera", slug=slug)

    def _form(self, form: StartForm, status: int = 200, **more: Any) -> HttpResponse:
        template = "cameras/_start.html" if is_part(self.request) else self.template
        return self.render({"form": form, "camera": form.camera, **more}, template, status)


class StopPage(PageOfCamera):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Stop what runs on the camera, and say what it has brought."""
        session = active_session(self.camera())
        if session is None:
            return said(request, "warn", "No session runs here any more.")
        return stop(request, session, self.actor)


def said_saved(request: HttpRequest, capture: Capture) -> HttpResponse:
    """With the file's name, which leads to the file."""
    return said(request, "ok", "Saved", at=capture.ended_at, link=original(capture), name=filename(capture))
