"""The routes of reports: the nights of a month, and the report of one night."""

from __future__ import annotations

from datetime import date

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.resources.resource import body_of
from scheduler.reports.bodies import (
    MonthBody,
    MonthQuery,
    NoSuchNight,
    ReportBody,
    ReportQuery,
    first_of_month,
    parse_night,
)
from scheduler.reports.calendar import month_of
from scheduler.reports.report import chosen_cameras, main_site, night_report, seen_cameras
from scheduler.runs.rules import night_at


class NightsView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(operation_id="nights_list", parameters=MonthQuery.parameters(), responses=MonthBody)
    def get(self, request: Request) -> Response:
        """The nights of a month: whether each is complete, and what it lost."""
        query: MonthQuery = MonthQuery.of(request)
        first = first_of_month(query.month) if query.month else present_night(request).replace(day=1)
        return Response(body_of(MonthBody, month_of(first, request.user)))


class ReportView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=ReportQuery.parameters(), responses=ReportBody)
    def get(self, request: Request, night: str) -> Response:
        """The report of a night, by the date of its evening: of all cameras, or of one."""
        query: ReportQuery = ReportQuery.of(request)
        try:
            found = parse_night(night)
        except NoSuchNight as error:
            raise ParseError(str(error)) from None
        report = night_report(found, chosen_cameras(request.user, query.camera), request.user)
        return Response(body_of(ReportBody, report))


def present_night(request: Request) -> date:
    return night_at(main_site(seen_cameras(request.user)), timezone.now())


urlpatterns = [
    path("", NightsView.as_view()),
    path("<str:night>/", ReportView.as_view()),
]
