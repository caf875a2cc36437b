"""The camera's page, the actions of the page and the card (capture, start, stop), and the form that starts a session,
with those options of the camera's driver that are choices, or yes or no; the other types are for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone

from cameras.camera_display import held_sentence
from cameras.camera_view import CameraPage as PageOfCamera
from cameras.camera_view import refusal
from cameras.capture_options import declared_options
from cameras.draining import on_draining_host
from cameras.drivers import driver_class
from cameras.drivers.options import Option, option_errors, parse_options
from cameras.errors import UNREACHED
from cameras.fault_pages import FaultsForm
from cameras.leases import LeaseHeld, holder_of
from cameras.models import Camera
from cameras.selectors import cameras_for
from cameras.settings.settings_form import SettingsForm
from cameras.settings_panel import body_change_rows, panel_context
from captures.capturing.models import Capture
from captures.capturing.outcomes import NotSaved, check_saved
from captures.capturing.records import describe_references
from captures.capturing.requests import CaptureRequest
from captures.capturing.selectors import captures_for
from captures.capturing.service import CaptureService
from captures.days import station_site
from captures.files.addresses import filename, original
from captures.pages.camera.cards import Card, cards_of
from captures.pages.camera.exposure_panel import exposure_context
from captures.pages.camera.programme_form import LABELS, SETTING_OF_FIELD, ProgrammeForm
from captures.pages.sessions.pages import stop_session
from captures.recordings.control.pages import claims_display
from captures.sessions.forecast import forecast
from captures.sessions.models import MAX_SESSION, Session
from captures.sessions.requests import DELAY_S, EXPOSURE_US, F_NUMBER
from captures.sessions.selectors import active_session, sessions_for
from captures.sessions.service import SessionService
from core.events.selectors import feed
from core.pages import is_htmx_request, message_response
from core.times.durations import format_exposure
from core.times.time_parsing import Location, ParsedTime, parse_time

TIMES = {"begin": "Begin", "until": "Until"}
DEFAULTS: dict[str, float] = {"exposure": EXPOSURE_US, "f_number": F_NUMBER}


def with_times(labels: Mapping[str, str]) -> dict[str, str]:
    """The times of a session stand behind its number of frames, and its name is the last field."""
    names = list(labels)
    behind = names.index("count") + 1
    return {
        **{name: labels[name] for name in names[:behind]}, **TIMES, **{name: labels[name] for name in names[behind:]},
        "name": "Name",
    }  # fmt: skip


class StartForm(ProgrammeForm):
    """`until` is the parsed end."""

    labels = with_times(LABELS)
    more_fields = (*ProgrammeForm.more_fields, "begin")

    def __init__(self, camera: Camera, data: Mapping[str, str] | None = None) -> None:
        self.camera = camera
        self.until: ParsedTime | None = None
        self._declared = declared_options(camera)
        ranges: dict[str, dict[str, Any]] = camera.capabilities.get("settings", {})
        readers = dict.fromkeys(TIMES, self._parse_moment)
        super().__init__(ranges, data or self._defaults(ranges), read=data is not None, readers=readers)

    @staticmethod
    def _defaults(ranges: Mapping[str, dict[str, Any]]) -> dict[str, str]:
        """The configured values, each limited to the camera's range."""
        near = {name: _nearest(ranges.get(SETTING_OF_FIELD[name], {}), value) for name, value in DEFAULTS.items()}
        exposure, f_number = format_exposure(near["exposure"]), f"{near['f_number']:.10g}"
        return {"exposure": exposure, "wait": f"{DELAY_S:.10g} s", "from": "end", "f_number": f_number}

    @property
    def options(self) -> list[OptionField]:
        return option_fields(self._declared, self.data, self.errors)

    @property
    def given(self) -> dict[str, str]:
        return {**super().given, **{one.name: one.value for one in self.options if one.value}}

    @property
    def site(self) -> Location:
        site = station_site()
        return Location(site.latitude, site.longitude)

    @property
    def suggested_ends(self) -> list[str]:
        sun = ["dusk", "dawn", "sunrise", "sunset"] if None not in (self.site.latitude, self.site.longitude) else []
        return ["1 h", "8 h", "06:30", *sun]

    def _parse_moment(self, text: str) -> ParsedTime:
        """A time in the reader's time zone. InvalidTime."""
        return parse_time(text, timezone.now(), timezone.get_current_timezone(), self.site)

    def _read_own(self, values: dict[str, Any]) -> None:
        if "until" not in self.errors:
            self.until = values["until"]
            values["until"] = self.until.at if self.until else None
            self._check_end()
        self._read_window(values)
        options, errors = read_options(self._declared, self.data)
        values["options"] = options or None
        self.errors |= errors

    def _read_window(self, values: dict[str, Any]) -> None:
        """A session with a begin has one window, from there to its end."""
        begin: ParsedTime | None = values.pop("begin")
        if begin is None:
            return
        end, shown = values.pop("until"), timezone.localtime(begin.at)
        if end is None:
            self.errors.setdefault("until", "Write when the session ends as well: it has a begin.")
        elif end <= begin.at:
            self.errors["begin"] = f"{shown:%Y-%m-%d %H:%M:%S} is after the end. Write an earlier time, or none."
        else:
            values["windows"] = [(begin.at, end)]

    def _check_end(self) -> None:
        if self.until is None:
            return
        left, shown = self.until.at - timezone.now(), timezone.localtime(self.until.at)
        if left <= timedelta(0):
            self.errors["until"] = f"{shown:%Y-%m-%d %H:%M:%S} is over already. Write a later time."
        elif left > MAX_SESSION:
            self.errors["until"] = "This is more than ten years ahead. Write an earlier time, or leave it empty."


def _nearest(limits: Mapping[str, Any], value: float) -> float:
    least, most = limits.get("minimum"), limits.get("maximum")
    value = value if most is None else min(value, most)
    return value if least is None else max(value, least)


PREFIX = "option."
BOOLEANS = {"true": "yes", "false": "no"}


@dataclass(frozen=True, slots=True)
class OptionField:
    """`choices` are the values of the form, with their words; without one of them the default applies."""

    name: str
    label: str
    help: str
    default: str
    value: str
    choices: dict[str, str]
    error: str

    @property
    def ident(self) -> str:
        return f"start-option-{self.name.removeprefix(PREFIX)}"


def simple_options(declared: Mapping[str, Option]) -> dict[str, Option]:
    return {name: option for name, option in declared.items() if option.type in ("choices", "boolean")}


def option_fields(
    declared: Mapping[str, Option], data: Mapping[str, str], errors: Mapping[str, str]
) -> list[OptionField]:
    return [_option_field(f"{PREFIX}{name}", option, data, errors) for name, option in simple_options(declared).items()]


def _option_field(name: str, option: Option, data: Mapping[str, str], errors: Mapping[str, str]) -> OptionField:
    choices = BOOLEANS if option.type == "boolean" else {choice: choice for choice in option.choices}
    default = BOOLEANS[str(option.default).lower()] if isinstance(option.default, bool) else option.default
    return OptionField(
        name=name,
        label=option.label,
        help=option.help,
        default=f"{default} (default)" if default else "the camera's own",
        value=data.get(name, ""),
        choices=choices,
        error=errors.get(name, ""),
    )


def read_options(declared: Mapping[str, Option], data: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The options that were chosen, and a sentence for each wrong one, by the name of its field."""
    simple = simple_options(declared)
    options = parse_options(simple, [(name, text) for name in simple if (text := data.get(f"{PREFIX}{name}", ""))])
    errors = option_errors(simple, options)
    return options, {f"{PREFIX}{name}": sentence for name, sentence in errors.items()}


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
