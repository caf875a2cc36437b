"""The camera's page, and what is done there and on its card: capture, start, stop."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from cameras.drivers import driver_class
from cameras.faces import held_words
from cameras.faults_form import FaultsForm
from cameras.leases import Held, holder_of
from cameras.pages import UNREACHED, changes_of, panel, refusal
from cameras.pages import CameraPage as PageOfCamera
from cameras.selectors import cameras_for
from cameras.settings_form import SettingsForm
from captures.camera_service import CameraService
from captures.cards import Card, cards_of
from captures.models import Capture, Session
from captures.outcomes import NotSaved, check_saved
from captures.requests import CaptureRequest
from captures.selectors import captures_for, sessions_for
from captures.sessions.forecast import forecast
from captures.sessions.orders import active_session
from captures.sessions.pages import stop
from captures.start_form import StartForm
from captures.templatetags.captures import filename, original
from monitoring.feed import feed
from monitoring.page import is_htmx_request, message_response

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
            "lines": feed(user, EVENTS, camera=camera.slug, camera_uuid=str(camera.pk)),
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
        camera = self.camera()
        try:
            outcome = CameraService(self.actor).capture(camera, CaptureRequest())
            check_saved(outcome)
        except Held as error:
            return message_response(request, "bad", refusal(error, camera))
        except NotSaved as error:
            return message_response(request, "bad", f"Not saved. {refusal(error, camera)}")
        if outcome.pending:
            return message_response(request, "warn", "Under way; its outcome will stand among the captures.")
        return said_saved(request, outcome.capture)


class StartPage(PageOfCamera):
    """The form that starts a session, in a dialog or, opened by its address, as a page of its own.

    Without scripts what will happen is said on a page between, and Start is pressed there.
    """

    roles = {"GET": "operator", "POST": "operator"}
    template = "cameras/start.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        form = StartForm(camera)
        return self._form(form, **forecast_of(StartForm(camera, form.data)))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Start a session, and lead back to where its progress is shown."""
        camera = self.camera()
        form = StartForm(camera, request.POST.dict())
        if form.request is None:
            return self._form(form, status=400)
        if not is_htmx_request(request) and "confirmed" not in request.POST:
            return self._form(form, confirm=form.given, **forecast_of(form))
        try:
            session = CameraService(self.actor).start_session(camera, form.request)
        except UNREACHED as error:
            return self._form(form, refusal=refusal(error, camera), status=409, **forecast_of(form))
        return self._started(session)

    def _started(self, session: Session) -> HttpResponse:
        sentence, camera = f"Session {session.state}.", session.camera
        if self._alone:
            messages.success(self.request, sentence)
            home = resolve_url("camera", slug=camera.slug)
            return HttpResponse(headers={"HX-Redirect": home}) if is_htmx_request(self.request) else redirect(home)
        answer = message_response(self.request, "ok", sentence)
        answer.headers["HX-Retarget"] = f"#said-{camera.slug}"
        answer.headers["HX-Reswap"] = "innerHTML"
        return answer

    @property
    def _alone(self) -> bool:
        """Whether the form is a page of its own, and not a dialog over another."""
        return not is_htmx_request(self.request) or "alone" in self.request.POST

    def _form(self, form: StartForm, status: int = 200, **more: Any) -> HttpResponse:
        template = "cameras/_start.html" if is_htmx_request(self.request) else self.template
        held = held_words(holder_of(form.camera), self.actor)
        context = {"form": form, "camera": form.camera, "alone": self._alone, "held": held, **more}
        return self.render(context, template, status)


class StartForecastPage(PageOfCamera):
    """What the session in the form will do, in words, while the form is being filled in."""

    roles = {"POST": "operator"}
    template = "cameras/_forecast.html"

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        form = StartForm(self.camera(), request.POST.dict())
        return self.render({"form": form, "camera": form.camera, **forecast_of(form)})


def forecast_of(form: StartForm) -> dict[str, Any]:
    """The forecast of what the form asks for, or what is wrong in it."""
    if form.request is None:
        return {"wrong": form.wrong}
    return {"expected": forecast(form.camera, form.request)}


class StopPage(PageOfCamera):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Stop what runs on the camera, and say what it has brought."""
        session = active_session(self.camera())
        if session is None:
            return message_response(request, "warn", "No session runs here any more.")
        return stop(request, session, self.actor)


def said_saved(request: HttpRequest, capture: Capture) -> HttpResponse:
    """With the file's name, which leads to the file."""
    return message_response(request, "ok", "Saved", at=capture.ended_at, link=original(capture), name=filename(capture))
