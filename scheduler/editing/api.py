"""The routes of schedules."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from core.idempotency.view import IdempotentView
from scheduler.editing.night_runs import ChangedNightBody
from scheduler.editing.service import ScheduleService
from scheduler.runs.nights import present_night
from scheduler.schedules.bodies import ScheduleBody, schedule_body, schedule_url
from scheduler.schedules.requests import NightRequest, ScheduleRequest
from scheduler.schedules.selectors import schedule_for, schedules_for


class ScheduleList(TypedDict):
    results: list[ScheduleBody]


class SchedulesView(IdempotentView):
    roles = {"GET": "viewer", "POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(operation_id="schedules_list", responses=ScheduleList)
    def get(self, request: Request) -> Response:
        """All schedules, the highest priority first."""
        return Response({"results": [schedule_body(schedule) for schedule in schedules_for(request.user)]})

    @extend_schema(request=ScheduleRequest, responses={201: ScheduleBody})
    def post(self, request: Request) -> Response:
        """Add a schedule. Its runs of the next nights are planned at once."""
        wanted = ScheduleRequest.model_validate(request.data)
        schedule = ScheduleService(request.user, actor(request)).add(wanted, new_id=self.reserved_id)
        return Response(schedule_body(schedule), 201, headers={"Location": schedule_url(schedule.pk)})


class ScheduleView(APIView):
    roles = {"GET": "viewer", "PUT": "operator", "PATCH": "operator", "DELETE": "operator"}

    @extend_schema(responses=ScheduleBody)
    def get(self, request: Request, schedule: UUID) -> Response:
        return Response(schedule_body(schedule_for(request.user, schedule)))

    @extend_schema(request=ScheduleRequest, responses=ScheduleBody)
    def put(self, request: Request, schedule: UUID) -> Response:
        """Replace the schedule; a field that is missing gets its default."""
        return self._change(request, schedule, request.data)

    @extend_schema(request=ScheduleRequest, responses=ScheduleBody)
    def patch(self, request: Request, schedule: UUID) -> Response:
        """Change the fields that are given."""
        given: Any = request.data
        if not isinstance(given, dict):
            return self._change(request, schedule, given)
        found = schedule_for(request.user, schedule)
        return Response(schedule_body(ScheduleService(request.user, actor(request)).change_fields(found, given)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, schedule: UUID) -> Response:
        """Remove the schedule and its runs that have not begun. A session that runs continues."""
        ScheduleService(request.user, actor(request)).remove(schedule_for(request.user, schedule))
        return Response(status=204)

    def _change(self, request: Request, schedule: UUID, wanted: Any) -> Response:
        found = schedule_for(request.user, schedule)
        changed = ScheduleService(request.user, actor(request)).change(found, ScheduleRequest.model_validate(wanted))
        return Response(schedule_body(changed))


class ScheduleNightView(IdempotentView):
    """One night of a schedule."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=NightRequest, responses=ChangedNightBody)
    def post(self, request: Request, schedule: UUID) -> Response:
        """Skip the night, or begin or end it at another time. The answer has the runs of the night before and after,
        with `remarks` about what the change did. A run that has begun keeps its times."""
        found, wanted = schedule_for(request.user, schedule), NightRequest.model_validate(request.data)
        night = wanted.night or present_night(found)
        changed = ScheduleService(request.user, actor(request)).change_night(found, wanted, night)
        return Response(changed.body())
