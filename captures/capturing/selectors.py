"""The captures and files that a user may see, and their number by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, QuerySet, Subquery

from cameras.models import CameraQuerySet
from cameras.selectors import visible_to
from captures.capturing.models import Capture, CaptureFile
from captures.thumbnails.store import picture_index


def captures_for(user: Any) -> QuerySet[Capture]:
    """The user's captures with camera, files and references, in a constant number of queries. Without those in the
    trash."""
    return all_captures_for(user).filter(trashed_at=None)


def all_captures_for(user: Any) -> QuerySet[Capture]:
    """As `captures_for`, with those in the trash and those whose files are deleted: for links to one capture."""
    return visible_to(Capture.objects.select_related("camera").prefetch_related("files", "references"), user)


def trash_for(user: Any) -> QuerySet[Capture]:
    """The captures in the trash, last trashed first."""
    trashed = Capture.objects.in_trash().select_related("camera").prefetch_related("files", "references")
    return visible_to(trashed, user).order_by("-trashed_at", "-id")


def with_files_for(user: Any) -> QuerySet[Capture]:
    """The captures whose files the user may read. Only managers read those in the trash, to decide about them."""
    return all_captures_for(user) if user.may("manager") else captures_for(user)


def file_for(user: Any, capture: UUID, kind: str | None) -> CaptureFile:
    """The capture's file of this kind, or its primary file. CaptureFile.DoesNotExist."""
    files = CaptureFile.objects.select_related("root", "capture__camera")
    files = files.filter(capture__in=with_files_for(user).filter(pk=capture).values("pk"))
    found = (files.filter(kind=kind) if kind else files).order_by("place", "kind").first()
    if found is None:
        raise CaptureFile.DoesNotExist
    return found


def picture_for(user: Any, capture: UUID) -> CaptureFile:
    """The file that a capture's thumbnails show. CaptureFile.DoesNotExist when none of its files can be rendered."""
    files = CaptureFile.objects.select_related("root")
    found = list(files.filter(capture__in=with_files_for(user).filter(pk=capture).values("pk")))
    place = picture_index([file.kind for file in found])
    if place is None:
        raise CaptureFile.DoesNotExist
    return found[place]


def with_newest(cameras: CameraQuerySet) -> CameraQuerySet:
    """Annotates `newest_id` and `newest_at`: the camera's newest saved capture."""
    # Each subquery reads one row of the index on camera, status and time.
    saved = Capture.objects.present().filter(camera=OuterRef("pk"), status="saved").order_by("-started_at", "-id")
    return cameras.annotate(
        newest_id=Subquery(saved.values("pk")[:1]), newest_at=Subquery(saved.values("started_at")[:1])
    )


def captures_by_id(ids: Iterable[UUID | None]) -> dict[Any, Capture]:
    wanted = [value for value in ids if value is not None]
    found: QuerySet[Capture] = Capture.objects.filter(pk__in=wanted).prefetch_related("files", "references")
    return {capture.pk: capture for capture in found}


def counts_by_day(captures: QuerySet[Capture], ends: tuple[date, date], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The days of `zone` from the first to the last of `ends` that have captures; each day is one index range."""
    first, last = ends
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    # From midnight to midnight and not 24 hours: a day on which the clocks change has 23 or 25.
    counted = ((day, _within(captures, _midnight(day, zone), _midnight(day + timedelta(1), zone))) for day in days)
    return [{"day": day.isoformat(), "count": count} for day, count in counted if count]


def _within(captures: QuerySet[Capture], start: datetime, end: datetime) -> int:
    return captures.filter(started_at__gte=start, started_at__lt=end).count()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
