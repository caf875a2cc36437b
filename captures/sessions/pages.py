"""Sessions: what ran, what it brought, and what was lost with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from cameras.leases import Held, Holder, lease_of, who_holds
from cameras.pages import UNREACHED, refusal, taken_over
from cameras.selectors import cameras_for
from cameras.settings_form import called, with_unit
from captures.camera_service import CameraService
from captures.cards import elapsed
from captures.gallery.counting import LOST, MOST_COUNTED
from captures.gallery.days import Day, station_site
from captures.gallery.tiles import Tile, tiles_of
from captures.models import Capture, Session
from captures.models.session import ACTIVE, SessionState
from captures.selectors import UnknownCamera, camera_condition, captures_for, sessions_for
from captures.sessions.orders import SessionEnded, holder
from captures.sessions.timeline import line_of
from monitoring.cursor import Cursor, beyond
from monitoring.page import Page, message_response
from monitoring.selectors import events_for

ROWS = 50
MOST_LOST = 300
STRIP = 24
EVENTS = 20
EARLIER = timedelta(days=1)
"""A clock that was set back does not hide what was lost."""
LATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Run:
    """A session as it is shown."""

    session: Session

    @property
    def active(self) -> bool:
        return self.session.state in ACTIVE

    @property
    def holder(self) -> Holder | None:
        """Of its camera, while it runs."""
        return who_holds(lease_of(self.session.camera), holder(self.session.camera, self.session))

    @property
    def programme(self) -> dict[str, Any]:
        found: dict[str, Any] = self.session.programme
        return found

    @property
    def until(self) -> datetime | None:
        text = self.programme.get("until")
        return datetime.fromisoformat(text) if text else None

    @property
    def progress(self) -> float | None:
        """0 to 1; None without an end that could be counted to."""
        if count := self.programme.get("count"):
            return min(1.0, self.session.planned / float(count))
        if self.until:
            return elapsed(self.session.started_at or self.session.created_at, self.until)
        return None

    @property
    def late(self) -> bool:
        """The next capture is overdue: what is shown is old, or the camera is away."""
        due = self.session.next_at
        return due is not None and timezone.now() - due > LATE + timedelta(microseconds=self.programme["exposure_us"])

    @property
    def exposure_s(self) -> float:
        return self.session.exposure_total_us / 1e6

    @property
    def took_s(self) -> float | None:
        if self.session.started_at is None:
            return None
        return ((self.session.ended_at or timezone.now()) - self.session.started_at).total_seconds()

    @property
    def used(self) -> list[dict[str, str]]:
        """What the camera said it would use, and what was asked where that is something else."""
        camera, asked = self.session.camera, self.programme
        return [
            {
                "label": called(name),
                "used": with_unit(camera, name, value),
                "asked": with_unit(camera, name, asked[name]) if asked.get(name) not in (None, value) else "",
            }
            for name, value in self.session.actual.items()
        ]

    @property
    def day(self) -> Day:
        at = self.session.started_at or self.session.created_at
        return Day.of(at, "night" if station_site().has_nights else "day")


class SessionsPage(Page):
    """Newest first. The filters stand in the address."""

    template = "sessions/sessions.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: request.GET.get(name, "") for name in ("camera", "state")}
        found = self._page(chosen, request.GET.get("before", ""))
        more = len(found) > ROWS
        return self.render(
            {
                "runs": [Run(session) for session in found[:ROWS]],
                "chosen": chosen,
                "states": SessionState.values,
                "cameras": cameras_for(request.user),
                "older": self._older(chosen, found[ROWS - 1]) if more else "",
            }
        )

    def _page(self, chosen: dict[str, str], before: str) -> list[Session]:
        try:
            conditions = camera_condition(self.request.user, chosen["camera"] or None)
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        if chosen["state"] in SessionState.values:
            conditions["state"] = chosen["state"]
        sessions = sessions_for(self.request.user).filter(**conditions)
        return list(beyond(sessions, "created_at", parsed(before)).order_by("-created_at", "-id")[: ROWS + 1])

    def _older(self, chosen: dict[str, str], last: Session) -> str:
        values = {**chosen, "before": Cursor(last.created_at, last.pk, newer=False).text()}
        return f"?{urlencode({name: value for name, value in values.items() if value})}"


def parsed(text: str) -> Cursor | None:
    try:
        return Cursor.parse(text)
    except ValueError:
        return None


class SessionPage(Page):
    template = "sessions/session.html"

    def get(self, request: HttpRequest, session: UUID) -> HttpResponse:
        run = Run(self.session(session))
        return self.render({"run": run, "session": run.session, **self.observed(run.session)})

    def session(self, session: UUID) -> Session:
        """Http404 also when the user may not see its camera."""
        found = sessions_for(self.request.user).filter(pk=session).first()
        if found is None:
            raise Http404("No such session.")
        return found

    def observed(self, session: Session) -> dict[str, Any]:
        captures = captures_for(self.request.user).filter(session_id=session.pk)
        lost = self._lost(session)
        return {
            "line": line_of(session, lost),
            "captures": list(captures.exclude(status="planned").order_by("-started_at", "-id")[:STRIP]),
            "reasons": self._reasons(session),
            "lost": lost,
            "lost_more": sum(tile.count for tile in lost if tile.capture) >= MOST_LOST,
            "events": list(events_for(self.request.user).filter(subject=str(session.pk))[:EVENTS]),
        }

    def _lost(self, session: Session) -> list[Tile]:
        rows = [row for status in LOST for row in self._with(session, status).order_by("started_at", "id")[:MOST_LOST]]
        rows.sort(key=lambda row: (row.started_at, row.pk))
        return tiles_of(rows[:MOST_LOST], session.gaps.all())

    def _with(self, session: Session, status: str) -> QuerySet[Capture]:
        """The camera and the time are said as well, so that the index on them is walked."""
        begin = session.started_at or session.created_at
        captures = captures_for(self.request.user).filter(camera_id=session.camera_id, status=status)
        return captures.filter(session_id=session.pk, started_at__gte=begin - EARLIER)

    def _reasons(self, session: Session) -> list[dict[str, Any]]:
        """Reason and count, the most frequent first; of at most MOST_COUNTED of a kind."""
        found: Counter[str] = Counter()
        for status in LOST if session.failed + session.skipped else ():
            rows = self._with(session, status).select_related(None).prefetch_related(None)
            found.update(rows.values_list("reason", flat=True)[:MOST_COUNTED])
        for gap in session.gaps.all():
            found[gap.reason] += gap.count
        return [{"reason": reason, "count": count} for reason, count in found.most_common()]


class SessionNow(SessionPage):
    """The parts of a session's page that change by themselves."""

    template = "sessions/_now.html"


class StopSessionPage(SessionPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, session: UUID) -> HttpResponse:
        return stop(request, self.session(session), self.actor)


class PauseSessionPage(SessionPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, session: UUID) -> HttpResponse:
        found = self.session(session)
        return moved(request, found, CameraService(self.actor).pause_session)


class ResumeSessionPage(SessionPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, session: UUID) -> HttpResponse:
        found = self.session(session)
        return moved(request, found, CameraService(self.actor).resume_session)


def moved(request: HttpRequest, session: Session, move: Callable[[Session], Session]) -> HttpResponse:
    """Pause or resume it, and say how it stands."""
    try:
        found = move(session)
    except (Held, SessionEnded) as error:
        return message_response(request, "bad", refusal(error, session.camera))
    except UNREACHED as error:
        return message_response(
            request, "bad", f"It is stored, and happens when its host is back. {refusal(error, session.camera)}"
        )
    if found.desired == SessionState.PAUSED and found.state == SessionState.RUNNING:
        return message_response(request, "ok", "Pauses after the running exposure.")
    return message_response(request, "ok", f"Session {found.state}.")


def stop(request: HttpRequest, session: Session, actor: str) -> HttpResponse:
    """Stop it, and say what it has brought; one that has ended already is answered as it is. Where the form names
    whose it is, its camera is taken over from them first."""
    try:
        if session.state in ACTIVE and "over" in request.POST:
            taken_over(request, session.camera, actor)
        ended = CameraService(actor).stop_session(session)
    except Held as error:
        return message_response(request, "bad", refusal(error, session.camera))
    except UNREACHED as error:
        return message_response(request, "bad", f"It will stop when its host is back. {refusal(error, session.camera)}")
    counts = f"{ended.saved} saved, {ended.failed} failed, {ended.skipped} skipped"
    return message_response(request, "ok", f"Session {ended.state}: {counts}.")
