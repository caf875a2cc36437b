"""What the dashboard shows of cameras: a card for each, and their temperatures of the last day. The number of queries
does not depend on the number of cameras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import Avg, CharField, OuterRef, Subquery
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from cameras.camera_display import CameraDisplay, StateDisplay, camera_displays
from cameras.leases import LeaseHolder, who_holds
from cameras.models import Camera, CameraQuerySet
from cameras.programmes.kinds import describe_exposures
from cameras.selectors import cameras_for
from captures.capturing.models import Capture
from captures.capturing.selectors import captures_by_id, with_newest
from captures.sessions.models import Session
from captures.sessions.selectors import holder, is_overdue, planned_end, progress_of, reported_session, waits_of

LOSS_SHOWN_FOR = timedelta(hours=1)
"""How long a card shows a loss; the capture's row stays."""


@dataclass(frozen=True, slots=True)
class Card:
    display: CameraDisplay
    session: Session | None = None
    newest: Capture | None = None
    lost: Capture | None = None
    """The newest capture of the last hour that was not saved."""
    wants_live: bool = False
    """Whether the user asked for live pictures during a session."""

    @property
    def is_exposing(self) -> bool:
        """Whether a session takes captures. They are the pictures to look at: live pictures have another exposure."""
        return self.session is not None and self.session.state == Session.State.RUNNING

    @property
    def is_live(self) -> bool:
        """Whether the page requests live pictures."""
        return self.display.is_live and (self.wants_live or not self.is_exposing)

    @property
    def may_go_live(self) -> bool:
        """Whether live pictures can be asked for instead of the newest capture. A preview is for a camera that is free:
        it raises the mirror."""
        return self.display.is_live and self.is_exposing and bool(self.camera.capabilities.get("stream"))

    @property
    def live_hint(self) -> str:
        """With which settings live pictures of a session are exposed."""
        if self.display.recorder:
            return "With the camera's own settings, as it is recorded"
        return "With the settings of the session, exposed for at most one second"

    @property
    def camera(self) -> Camera:
        return self.display.camera

    @property
    def holder(self) -> LeaseHolder | None:
        """Also known while the broker is down: a session's holder is in the database."""
        return who_holds(self.display.lease, holder(self.camera, self.session) if self.session else None)

    @property
    def state_display(self) -> StateDisplay:
        return self.display.state_display

    @property
    def last_image_at(self) -> datetime | None:
        times = [at for at in (self.display.last_image_at, getattr(self.camera, "newest_at", None)) if at]
        return max(times, default=None)

    @property
    def stale(self) -> bool:
        """Whether the card shows old data."""
        return self.display.is_stale or (self.session is not None and is_overdue(self.session))

    @property
    def shows_lost(self) -> bool:
        """Whether the newest capture of all was not saved."""
        return self.lost is not None and (self.newest is None or self.lost.started_at > self.newest.started_at)

    @property
    def counts(self) -> Mapping[str, Any]:
        """The session's counts: from its process, else from its ingested records."""
        if self.session and (reported := reported_session(self.session, self.display.status)):
            return reported
        names = ("planned", "saved", "failed", "skipped")
        return {name: getattr(self.session, name) for name in names} if self.session else {}

    @property
    def waits(self) -> str:
        """Why the session exposes nothing now; empty while it does, and while nothing is known of it."""
        return waits_of(self.session, self.display.status) if self.session else ""

    @property
    def frame_number(self) -> int:
        """Of the session: the number of the last capture while it is paused, else of the current one."""
        paused = self.session is not None and self.session.state == Session.State.PAUSED
        return int(self.counts["planned"]) + (0 if paused else 1)

    @property
    def progress(self) -> float | None:
        """0 to 1; None for a session without an end."""
        return progress_of(self.session, int(self.counts["planned"])) if self.session else None

    @property
    def until(self) -> datetime | None:
        return planned_end(self.session) if self.session else None

    @property
    def exposures(self) -> str:
        """The exposures of a cycle of the session, in words."""
        return describe_exposures(self.session.programme) if self.session else ""

    @property
    def controls(self) -> str:
        """The set of controls for the observed state."""
        if self.session:
            return "session"
        return CONTROLS.get(self.display.observed, "idle")


CONTROLS = {
    "disabled": "off",
    "disconnected": "off",
    "starting": "trying",
    "reconnecting": "trying",
    "quarantined": "quarantined",
    "host_down": "away",
    "unknown": "away",
}


def brief_cards_for(user: Any) -> list[Card]:
    """Cards with the age of the newest picture, for the cameras that the user may see. One query, one broker read."""
    return [Card(display) for display in camera_displays(with_newest(cameras_for(user)))]


def cards_for(user: Any) -> list[Card]:
    return cards_of(cameras_for(user))


def cards_of(cameras: CameraQuerySet) -> list[Card]:
    displays = camera_displays(with_lost(with_newest(cameras)))
    listed = [display.camera for display in displays]
    sessions = {session.camera_id: session for session in Session.objects.active().filter(camera__in=listed)}
    captures = captures_by_id(value for camera in listed for value in (newest(camera), lost(camera)))
    return [
        Card(
            display,
            sessions.get(display.camera.pk),
            captures.get(newest(display.camera)),
            captures.get(lost(display.camera)),
        )
        for display in displays
    ]


def newest(camera: Any) -> UUID | None:
    found: UUID | None = camera.newest_id
    return found


def lost(camera: Any) -> UUID | None:
    found: UUID | None = camera.lost_id
    return found


def with_lost(cameras: CameraQuerySet) -> CameraQuerySet:
    """Annotates `lost_id`: the camera's newest capture of the last hour that was not saved."""
    since = timezone.now() - LOSS_SHOWN_FOR
    lost = Capture.objects.filter(camera=OuterRef("pk"), started_at__gte=since, status__in=["failed", "skipped"])
    return cameras.annotate(lost_id=Subquery(lost.order_by("-started_at", "-id").values("pk")[:1]))


TEMPERATURE_SPAN = timedelta(hours=24)
TO_THE_MINUTE = len("2026-11-20 21:04")


class TemperatureSeries(TypedDict):
    """`points` are (seconds since 1970, degrees Celsius), one for each minute with captures, oldest first."""

    name: str
    points: list[tuple[int, float]]


def temperatures(displays: Iterable[CameraDisplay]) -> list[TemperatureSeries]:
    """Temperatures of the last 24 hours, in one query; the newest point is the camera's current temperature."""
    listed = list(displays)
    points: dict[Any, list[tuple[int, float]]] = {display.camera.pk: [] for display in listed}
    for camera, minute, mean in _minutes(list(points)):
        points[camera].append((_seconds(minute), round(mean, 2)))
    found = [
        TemperatureSeries(name=display.camera.name, points=_with_current(points[display.camera.pk], display))
        for display in listed
    ]
    return [series for series in found if series["points"]]


def _minutes(cameras: list[Any]) -> Iterable[tuple[Any, str, float]]:
    """Means by the minute. They are grouped by the text of the time, whose beginning is the same on SQLite and
    PostgreSQL."""
    rows = Capture.objects.filter(
        camera__in=cameras, started_at__gte=timezone.now() - TEMPERATURE_SPAN, temperature_celsius__isnull=False
    )
    minute = Substr(Cast("started_at", CharField()), 1, TO_THE_MINUTE)
    grouped = rows.annotate(minute=minute).values("camera", "minute").annotate(mean=Avg("temperature_celsius"))
    return grouped.order_by("minute").values_list("camera", "minute", "mean")


def _seconds(minute: str) -> int:
    return int(datetime.fromisoformat(minute).replace(tzinfo=UTC).timestamp())


def _with_current(points: list[tuple[int, float]], display: CameraDisplay) -> list[tuple[int, float]]:
    now = display.status["temperature_celsius"]
    return points if now is None else [*points, (int(timezone.now().timestamp()), round(now, 2))]
