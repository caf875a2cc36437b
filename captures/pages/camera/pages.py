"""The camera's page, and the actions of the page and the card: capture, start, stop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from cameras.camera_display import held_sentence
from cameras.camera_view import CameraPage as PageOfCamera
from cameras.camera_view import refusal
from cameras.draining import on_draining_host
from cameras.drivers import driver_class
from cameras.errors import UNREACHED
from cameras.faults.pages import FaultsForm
from cameras.leases.lease_holders import LeaseHeld, holder_of
from cameras.selectors import cameras_for
from cameras.settings.settings_form import SettingsForm
from cameras.settings_panel import body_change_rows, panel_context
from captures.capturing.models import Capture
from captures.capturing.outcomes import NotSaved, check_saved
from captures.capturing.records import describe_references
from captures.capturing.requests import CaptureRequest
from captures.capturing.selectors import captures_for
from captures.capturing.service import CaptureService
from captures.files.addresses import filename, original
from captures.pages.camera.cards import Card, cards_of
from captures.pages.camera.exposure_panel import exposure_context
from captures.pages.camera.start_form import StartForm
from captures.pages.sessions.pages import stop_session
from captures.recordings.control.pages import claims_display
from captures.sessions.forecast import forecast
from captures.sessions.models import Session
from captures.sessions.selectors import active_session, sessions_for
from captures.sessions.service import SessionService
from core.events.feed import feed
from core.pages.page import is_htmx_request, message_response

STRIP = 12
SESSIONS = 6
EVENTS = 8
LIVE = "live"
"""Of the parameter `view`: live pictures also while a session takes captures."""


class CameraPage(PageOfCamera):
    template = "cameras/camera.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        card = self.card()
        simulated = driver_class(card.camera.kind).simulated
        faults = FaultsForm(active=card.display.status["faults"]) if simulated else None
        return self.render(
            {
                **panel_context(SettingsForm(card.camera)), "faults": faults, **self.refreshed_context(card),
                **exposure_context(card.camera),
            }
        )  # fmt: skip

    def card(self) -> Card:
        found = cameras_for(self.request.user).filter(pk=self.camera().pk)
        card = cards_of(found.annotate(is_draining=on_draining_host()))[0]
        return replace(card, wants_live=self.request.GET.get("view") == LIVE)

    def refreshed_context(self, card: Card) -> dict[str, Any]:
        """The context of the parts that are refreshed."""
        user, camera = self.request.user, card.camera
        return {
            "card": card,
            "camera": camera,
            "changes": body_change_rows(camera),
            "claims": claims_display(camera),
            "captures": list(captures_for(user).filter(camera_id=camera.pk).exclude(status="planned")[:STRIP]),
            "sessions": list(sessions_for(user).filter(camera_id=camera.pk)[:SESSIONS]),
            "lines": feed(user, EVENTS, camera=camera.slug, camera_uuid=str(camera.pk)),
        }


class CameraNow(CameraPage):
    """The parts of the camera's page that are refreshed."""

    template = "cameras/_now.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self.render(self.refreshed_context(self.card()))


class CapturePage(PageOfCamera):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Take one picture with the camera's settings and show its outcome."""
        camera = self.camera()
        try:
            outcome = CaptureService(self.actor).capture(camera, CaptureRequest())
            check_saved(outcome)
        except LeaseHeld as error:
            return message_response(request, "bad", refusal(error, camera))
        except NotSaved as error:
            return message_response(request, "bad", f"Not saved. {refusal(error, camera)}")
        if outcome.pending:
            return message_response(request, "warn", "In progress. The outcome appears in the latest captures.")
        return saved_message(request, outcome.capture)


class StartPage(PageOfCamera):
    """The form that starts a session, in a dialog or, opened by its address, as a page of its own.

    Without JavaScript the forecast is shown on a second page, which has the Start button.
    """

    roles = {"GET": "operator", "POST": "operator"}
    template = "cameras/start.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        form = StartForm(camera)
        # The default values are parsed as if they were sent, so that their forecast is shown at once.
        return self._render_form(form, **forecast_of(StartForm(camera, form.data)))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Start a session and return to the page that shows its progress."""
        camera = self.camera()
        form = StartForm(camera, request.POST.dict())
        if form.request is None:
            return self._render_form(form, status=400)
        if not is_htmx_request(request) and "confirmed" not in request.POST:
            return self._render_form(form, confirm=form.given, **forecast_of(form))
        try:
            session = SessionService(self.actor).start(camera, form.request)
        except UNREACHED as error:
            return self._render_form(form, refusal=refusal(error, camera), status=409, **forecast_of(form))
        return self._session_started(session)

    def _session_started(self, session: Session) -> HttpResponse:
        message, camera = f"Session {session.state}.", session.camera
        if self._alone:
            messages.success(self.request, message)
            home = resolve_url("camera", slug=camera.slug)
            # The browser follows a redirect before htmx sees it: the whole page would be put into the form.
            return HttpResponse(headers={"HX-Redirect": home}) if is_htmx_request(self.request) else redirect(home)
        answer = message_response(self.request, "ok", message)
        # The form in the dialog targets itself; the message belongs to the camera's card.
        answer.headers["HX-Retarget"] = f"#said-{camera.slug}"
        answer.headers["HX-Reswap"] = "innerHTML"
        return answer

    @property
    def _alone(self) -> bool:
        """Whether the form is a page of its own rather than a dialog."""
        return not is_htmx_request(self.request) or "alone" in self.request.POST

    def _render_form(self, form: StartForm, status: int = 200, **more: Any) -> HttpResponse:
        template = "cameras/_start.html" if is_htmx_request(self.request) else self.template
        held = held_sentence(holder_of(form.camera), self.actor)
        context = {"form": form, "camera": form.camera, "alone": self._alone, "held": held, **more}
        return self.render(context, template, status)


class StartForecastPage(PageOfCamera):
    """The forecast of the session, updated while the form is filled in."""

    roles = {"POST": "operator"}
    template = "cameras/_forecast.html"

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        form = StartForm(self.camera(), request.POST.dict())
        return self.render({"form": form, "camera": form.camera, **forecast_of(form)})


def forecast_of(form: StartForm) -> dict[str, Any]:
    """The forecast of the form's session, or the form's errors."""
    if form.request is None:
        return {"wrong": form.wrong}
    return {"expected": forecast(form.camera, form.request)}


class StopPage(PageOfCamera):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Stop the session that runs on the camera and show its counts."""
        session = active_session(self.camera())
        if session is None:
            return message_response(request, "warn", "No session is running on this camera.")
        return stop_session(request, session, self.actor)


def saved_message(request: HttpRequest, capture: Capture) -> HttpResponse:
    """The message has the file's name as a link to the file, or says that the files stay with the camera."""
    if remote := describe_references(capture.references.all()):
        return message_response(
            request, "ok", f"Saved. Remote: {remote}, not held by this station.", at=capture.ended_at
        )
    return message_response(request, "ok", "Saved", at=capture.ended_at, link=original(capture), name=filename(capture))
