"""The captures and sessions that a user may see: all except those of hidden cameras, including removed ones.

Hidden cameras are excluded by a list of ids, not by a subquery, so that the database walks the index on time.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, TypedDict, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet

from cameras.models import Camera
from cameras.selectors import hidden_cameras
from captures.capturing.models import Capture, CaptureFile
from captures.sessions.models import Session
from captures.thumbnails.store import picture_index

Row = TypeVar("Row", bound=Model)


class UnknownCamera(Exception):
    """A filter names a camera that does not exist or that the user may not see."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no camera {slug!r}.")


class DayCount(TypedDict):
    day: str
    count: int


def camera_condition(user: Any, slug: str | None) -> dict[str, Any]:
    """A filter for the cameras of one slug, removed ones too, since a slug may be reused; empty for all cameras.
    UnknownCamera."""
    if slug is None:
        return {}
    if "\0" in slug:  # PostgreSQL refuses it in a query
        raise UnknownCamera(slug)
    hidden = {camera.pk for camera in hidden_cameras(user)}
    found = [pk for pk in Camera.objects.filter(slug=slug).values_list("pk", flat=True) if pk not in hidden]
    if not found:
        raise UnknownCamera(slug)
    return {"camera_id": found[0]} if len(found) == 1 else {"camera_id__in": found}


def camera_ids(user: Any, slug: str) -> list[UUID]:
    """Ids of the cameras of one slug, removed ones too. UnknownCamera."""
    condition = camera_condition(user, slug)
    return condition.get("camera_id__in") or [condition["camera_id"]]


def visible_cameras(user: Any) -> list[Camera]:
    """The cameras that the user may see, removed ones too."""
    hidden = {camera.pk for camera in hidden_cameras(user)}
    return [camera for camera in Camera.objects.all() if camera.pk not in hidden]


def captures_for(user: Any) -> QuerySet[Capture]:
    """The user's captures with camera and files, in a constant number of queries."""
    return visible_to(Capture.objects.select_related("camera").prefetch_related("files"), user)


def sessions_for(user: Any) -> QuerySet[Session]:
    return visible_to(Session.objects.select_related("camera").prefetch_related("gaps"), user)


def file_for(user: Any, capture: UUID, kind: str | None) -> CaptureFile:
    """The capture's file of this kind, or its primary file. CaptureFile.DoesNotExist."""
    files = CaptureFile.objects.select_related("root", "capture__camera")
    files = files.filter(capture__in=captures_for(user).filter(pk=capture).values("pk"))
    found = (files.filter(kind=kind) if kind else files).order_by("place", "kind").first()
    if found is None:
        raise CaptureFile.DoesNotExist
    return found


def picture_for(user: Any, capture: UUID) -> CaptureFile:
    """The file that a capture's thumbnails show. CaptureFile.DoesNotExist when none of its files can be rendered."""
    files = CaptureFile.objects.select_related("root")
    found = list(files.filter(capture__in=captures_for(user).filter(pk=capture).values("pk")))
    place = picture_index([file.kind for file in found])
    if place is None:
        raise CaptureFile.DoesNotExist
    return found[place]


def counts_by_day(captures: QuerySet[Capture], ends: tuple[date, date], zone: ZoneInfo) -> list[DayCount]:
    """The days of `zone` from the first to the last of `ends` that have captures; each day is one index range."""
    first, last = ends
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    counted = ((day, _within(captures, _midnight(day, zone), _midnight(day + timedelta(1), zone))) for day in days)
    return [DayCount(day=day.isoformat(), count=count) for day, count in counted if count]


def _within(captures: QuerySet[Capture], start: datetime, end: datetime) -> int:
    return captures.filter(started_at__gte=start, started_at__lt=end).count()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def visible_to(rows: QuerySet[Row], user: Any) -> QuerySet[Row]:
    """The rows of cameras that the user may see; none for a user without the viewer role."""
    if not (user.is_authenticated and user.may("viewer")):
        return rows.none()
    hidden = [camera.pk for camera in hidden_cameras(user)]
    return rows.exclude(camera_id__in=hidden) if hidden else rows
