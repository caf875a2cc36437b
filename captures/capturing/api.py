"""The API of captures, and its queries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import AfterValidator, Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import CameraView, actor
from cameras.resource import CameraFilter, Slug
from cameras.selectors import camera_condition
from captures.capturing.answers import Calendar, CaptureBody, CapturePage
from captures.capturing.models import CaptureStatus
from captures.capturing.outcomes import check_saved
from captures.capturing.requests import CaptureRequest
from captures.capturing.selectors import captures_for, counts_by_day
from captures.capturing.service import CaptureService
from core.api.paging import page
from core.api.queries import Query, TimeQuery
from core.idempotency.view import IdempotentView
from core.resources.resource import body_of
from core.times.zones import zone_names

MAX_DAYS = 400  # each day is a query of its own: `counts_by_day`


class CaptureQuery(TimeQuery):
    camera: CameraFilter = None
    session: UUID | None = None
    experiment: UUID | None = None
    status: CaptureStatus | None = None
    simulated: bool | None = None


def _known_zone(name: str) -> str:
    # Not ZoneInfo(name): for a folder of the time zone database, such as Europe, it raises IsADirectoryError.
    if name not in zone_names():
        raise ValueError(f"{name!r} is not a time zone; write a name such as Europe/Berlin.")
    return name


class CalendarQuery(Query):
    """Days of the time zone `tz`, both ends inclusive; without `from`, the 31 days up to `to`."""

    camera: Slug | None = None
    status: CaptureStatus | None = None
    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None
    tz: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tz)

    def days(self) -> tuple[date, date]:
        last = self.to or datetime.now(UTC).astimezone(self.zone).date()
        return self.from_ or last - timedelta(days=30), last

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        # Beyond these years, midnight in a time zone or the day after may be no datetime.
        if any(day and not 1970 <= day.year <= 9000 for day in (self.from_, self.to)):
            raise ValueError("Days are from 1970 to 9000.")
        first, last = self.days()
        if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
            raise ValueError(f"`from` must not be after `to`, and at most {MAX_DAYS} days are counted at once.")
        return self


class CaptureView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}
    # A repetition shows the capture of the first request, which may run for minutes.
    runs_beside_itself = True

    @extend_schema(
        request=CaptureRequest,
        responses={201: CaptureBody, 202: CaptureBody},
        parameters=[
            OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="respond-async: 202 at once."),
        ],
    )
    def post(self, request: Request, slug: str = "") -> Response:
        """Take one picture: 201 when it is saved, 202 when it has no outcome in time."""
        wanted = CaptureRequest.model_validate(request.data)
        wait = "respond-async" not in request.headers.get("Prefer", "").lower()
        outcome = CaptureService(actor(request)).capture(self.camera(), wanted, new_id=self.reserved_id, wait=wait)
        check_saved(outcome)
        headers = {"Location": outcome.capture.url} | ({} if wait else {"Preference-Applied": "respond-async"})
        return Response(body_of(CaptureBody, outcome.capture), 202 if outcome.pending else 201, headers=headers)


class CapturesView(APIView):
    """Captures, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="captures_list", parameters=CaptureQuery.parameters(), responses=CapturePage)
    def get(self, request: Request) -> Response:
        query: CaptureQuery = CaptureQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | query.conditions() | query.within("started_at")
        captures = captures_for(request.user).filter(**conditions)
        return Response(page(captures, query, request, "started_at", partial(body_of, CaptureBody)))


class CalendarView(APIView):
    """The number of captures of each day. Days without captures are left out."""

    roles = {"GET": "viewer"}

    @extend_schema(parameters=CalendarQuery.parameters(), responses=Calendar)
    def get(self, request: Request) -> Response:
        query = CalendarQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | ({"status": query.status} if query.status else {})
        captures = captures_for(request.user).filter(**conditions)
        return Response({"tz": query.tz, "results": counts_by_day(captures, query.days(), query.zone)})
