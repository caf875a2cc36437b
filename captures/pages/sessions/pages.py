"""Pages of sessions: their captures, their counts, and their losses with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url

from cameras.camera_view import refusal
from cameras.control_pages import acquire_from_form
from cameras.errors import UNREACHED
from cameras.leases import LeaseHeld
from cameras.selectors import UnknownCamera, camera_condition, cameras_for
from captures.capturing.models import Capture, CaptureReference
from captures.capturing.selectors import captures_for
from captures.days import parse_cursor
from captures.pages.gallery.tiles import LOST, MAX_COUNTED, Tile, tiles_of
from captures.pages.sessions.display import SessionDisplay, present_wait, session_line
from captures.sessions.api import SessionQuery
from captures.sessions.models import ACTIVE, Session, SessionState
from captures.sessions.selectors import sessions_for
from captures.sessions.service import (
    Experiments,
    SessionClaimed,
    SessionEnded,
    SessionService,
    check_no_experiment,
    hand_over,
    possible_receivers,
)
from core.api.paging import beyond
from core.api.queries import Cursor
from core.events.selectors import events_for
from core.pages import Page, is_htmx_request, message_response
from core.text.sentences import pluralize

ROWS = 50
MAX_LOST = 300
STRIP = 24
EVENTS = 20
EARLIER = timedelta(days=1)
"""Losses are searched from a day before the session's begin, in case a clock was set back."""


class SessionsPage(Page):
    """Sessions, newest first. The filters are in the address."""

    template = "sessions/sessions.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: request.GET.get(name, "") for name in ("camera", "state")}
        found = self._page(chosen, request.GET.get("before", ""))
        more = len(found) > ROWS
        return self.render(
            {
                "runs": [SessionDisplay(session) for session in found[:ROWS]],
                "chosen": chosen,
                "states": {state: state for state in SessionState.values},
                "cameras": {camera.slug: camera.name for camera in cameras_for(request.user)},
                "older": self._older(chosen, found[ROWS - 1]) if more else "",
            }
        )

    def _page(self, chosen: dict[str, str], before: str) -> list[Session]:
        try:
            of_camera = camera_condition(self.request.user, chosen["camera"] or None)
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        sessions = sessions_for(self.request.user).filter(**of_camera, **SessionQuery.lenient(chosen).conditions())
        return list(beyond(sessions, "created_at", parse_cursor(before)).order_by("-created_at", "-id")[: ROWS + 1])

    def _older(self, chosen: dict[str, str], last: Session) -> str:
        values = {**chosen, "before": Cursor(last.created_at, last.pk, newer=False).text()}
        return f"?{urlencode({name: value for name, value in values.items() if value})}"


class SessionPage(Page):
    template = "sessions/session.html"

    def get(self, request: HttpRequest, session: UUID) -> HttpResponse:
        run = SessionDisplay(self.session(session))
        return self.render({"run": run, "session": run.session, **self.refreshed_context(run.session)})

    def session(self, session: UUID) -> Session:
        """Http404 also for a session whose camera the user may not see."""
        found = sessions_for(self.request.user).filter(pk=session).first()
        if found is None:
            raise Http404("No such session.")
        return found

    def refreshed_context(self, session: Session) -> dict[str, Any]:
        captures = captures_for(self.request.user).filter(session_id=session.pk)
        lost = self._lost(session)
        return {
            "line": session_line(session, lost),
            "captures": list(captures.exclude(status="planned").order_by("-started_at", "-id")[:STRIP]),
            "reasons": self._reasons(session),
            "lost": lost,
            "receivers": self._receivers(session),
            "remote": self._remote(session),
            "waits": present_wait(session),
            "lost_more": sum(tile.count for tile in lost if tile.capture) >= MAX_LOST,
            "events": list(events_for(self.request.user).filter(subject=str(session.pk))[:EVENTS]),
        }

    def _receivers(self, session: Session) -> list[str]:
        """Other users to whom this user could hand the session over."""
        if session.state not in ACTIVE:
            return []
        return [name for name in possible_receivers(session.camera) if name != self.request.user.get_username()]

    def _lost(self, session: Session) -> list[Tile]:
        # A query for each status walks the index by status in the order of time; one for both would sort.
        found = [self._captures_with(session, status).order_by("started_at", "id") for status in LOST]
        # The rows of lost captures name no references.
        queries = [one.prefetch_related(None).prefetch_related("files") for one in found]
        rows = [row for query in queries for row in query[:MAX_LOST]]
        rows.sort(key=lambda row: (row.started_at, row.pk))
        return tiles_of(rows[:MAX_LOST], session.gaps.all())

    @staticmethod
    def _remote(session: Session) -> str:
        """`12 captures, 48 files`, whose files stay with the camera; empty without any."""
        references = CaptureReference.objects.filter(capture__session=session.pk)
        found = references.aggregate(files=Count("pk"), captures=Count("capture", distinct=True))
        if not found["files"]:
            return ""
        return f"{pluralize(found['captures'], 'capture')}, {pluralize(found['files'], 'file')}"

    def _captures_with(self, session: Session, status: str) -> QuerySet[Capture]:
        """The session's captures with this status. Conditions on camera and time make the database use its index."""
        begin = session.started_at or session.created_at
        captures = captures_for(self.request.user).filter(camera_id=session.camera_id, status=status)
        return captures.filter(session_id=session.pk, started_at__gte=begin - EARLIER)

    def _reasons(self, session: Session) -> list[dict[str, Any]]:
        """Reasons with their counts, the most frequent first; at most MAX_COUNTED captures of each status."""
        found: Counter[str] = Counter()
        for status in LOST if session.failed + session.skipped else ():
            rows = self._captures_with(session, status).select_related(None).prefetch_related(None)
            found.update(rows.values_list("reason", flat=True)[:MAX_COUNTED])
        for gap in session.gaps.all():
            found[gap.reason] += gap.count
        return [{"reason": reason, "count": count} for reason, count in found.most_common()]


class SessionNow(SessionPage):
    """The parts of a session's page that are refreshed."""

    template = "sessions/_now.html"


class StopSessionPage(SessionPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, session: UUID) -> HttpResponse:
        return stop_session(request, self.session(session), self.actor)


class PauseSessionPage(SessionPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, session: UUID) -> HttpResponse:
        found = self.session(session)
        return change_session(request, found, SessionService(self.actor).pause)


class ResumeSessionPage(SessionPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, session: UUID) -> HttpResponse:
        found = self.session(session)
        return change_session(request, found, SessionService(self.actor).resume)


class HandOverSessionPage(SessionPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, session: UUID) -> HttpResponse:
        found, to = self.session(session), request.POST.get("to", "")
        try:
            hand_over(found, to, self.actor)
        except (LeaseHeld, SessionEnded, ValidationError) as error:
            return message_response(request, "bad", refusal(error, found.camera))
        return message_response(request, "ok", f"{to} holds {found.camera.name} now.", holder=to)


def change_session(request: HttpRequest, session: Session, change: Callable[[Session], Session]) -> HttpResponse:
    """Pause or resume the session, and show its state."""
    try:
        found = change(session)
    except UNREACHED as error:
        return message_response(request, "bad", refusal(error, session.camera))
    if found.desired == SessionState.PAUSED and found.state == SessionState.RUNNING:
        return message_response(request, "ok", "The session pauses after the current exposure.")
    return message_response(request, "ok", f"Session {found.state}.")


def stop_session(request: HttpRequest, session: Session, actor: str) -> HttpResponse:
    """Stop the session, and show its counts; a session that has ended is not changed. If the form names the camera's
    holder, the camera is taken over first. While the session takes the stills of experiments, a stop is a question."""
    experiments: Experiments = "suspend" if request.POST.get("experiments") == "suspend" else "ask"
    try:
        if session.state in ACTIVE and experiments == "ask":
            # Before the camera is taken over: who cancels the question has taken nothing.
            check_no_experiment(session)
        if session.state in ACTIVE and "over" in request.POST:
            acquire_from_form(request, session.camera, actor)
        ended = SessionService(actor).stop(session, experiments)
    except SessionClaimed as error:
        return ask_about_experiments(request, session, error)
    except UNREACHED as error:
        return message_response(request, "bad", refusal(error, session.camera))
    gap = " The experiments show a gap until somebody starts a session." if experiments == "suspend" else ""
    counts = f"{ended.saved} saved, {ended.failed} failed, {ended.skipped} skipped"
    return message_response(request, "ok", f"Session {ended.state}: {counts}.{gap}")


def ask_about_experiments(request: HttpRequest, session: Session, error: SessionClaimed) -> HttpResponse:
    context = {
        "session": session,
        "experiments": error.experiments,
        "over": request.POST.get("over", ""),
        # The answer is sent from a page that knows no GET.
        "next": request.headers.get("Referer") or resolve_url("session", session.pk),
    }
    if not is_htmx_request(request):
        return render(request, "sessions/stop_session.html", context)
    answer = render(request, "sessions/_stop_question.html", context)
    # The button targets the message on the card, where a question has no room.
    answer.headers["HX-Retarget"] = "#dialog-body"
    answer.headers["HX-Reswap"] = "innerHTML"
    return answer
