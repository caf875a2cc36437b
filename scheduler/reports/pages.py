"""The pages of reports: the calendar of nights, the report of one, and the same as a file to keep."""

from __future__ import annotations

from datetime import date, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from cameras.selectors import UnknownCamera, cameras_for
from captures.days import next_month
from core.pages import Page
from scheduler.planning.rules import FIRST, LAST
from scheduler.reports.bodies import NoSuchNight, first_of_month, parse_night
from scheduler.reports.calendar import month_of
from scheduler.reports.drawing import report_context
from scheduler.reports.html_file import policy, render_report
from scheduler.reports.report import Report, chosen_cameras, last_night, main_site, night_report, seen_cameras
from scheduler.runs.rules import night_at

DAY = timedelta(days=1)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class NightsPage(Page):
    """The nights of a month. `month`, and the date of the form, are in the address."""

    template = "nights/calendar.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        present, wrong = night_at(main_site(seen_cameras(request.user)), timezone.now()), ""
        first = present.replace(day=1)
        try:
            if wanted := request.GET.get("month", "").strip():
                first = first_of_month(wanted)
        except ValueError as error:
            wrong = f"month {error}"
        month = month_of(first, request.user)
        context = {
            "month": month,
            "weekdays": WEEKDAYS,
            "present": present,
            "last": last_night(request.user),
            "previous": next_month(first, -1) if first > FIRST else None,
            "next": next_month(first, 1) if first < LAST.replace(day=1) else None,
            "wrong": wrong,
        }
        return self.render(context, status=400 if wrong else 200)


class GoToNightPage(Page):
    """The form that jumps to a night."""

    def get(self, request: HttpRequest) -> HttpResponse:
        night = _night_of(request.GET.get("night", "").strip())
        return redirect("night", night)


class ReportPage(Page):
    """The report of a night, of all cameras that the reader may see or of one."""

    template = "nights/report.html"

    def get(self, request: HttpRequest, night: str) -> HttpResponse:
        found = _night_of(night)
        chosen = request.GET.get("camera", "")
        report = self.report(found, chosen)
        return self.render(
            {
                **report_context(report),
                "chosen": chosen,
                "options": {camera.slug: camera.name for camera in cameras_for(request.user)},
                "previous": found - DAY if found > FIRST else None,
                "next": found + DAY if found < LAST and report.state != "future" else None,
            }
        )

    def report(self, night: date, camera: str) -> Report:
        try:
            cameras = chosen_cameras(self.request.user, camera or None)
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        return night_report(night, cameras, self.request.user)


class ReportFilePage(ReportPage):
    """The report as one file, for this reader: without references to the station, to keep, print or send."""

    def get(self, request: HttpRequest, night: str) -> HttpResponse:
        found = _night_of(night)
        report = self.report(found, request.GET.get("camera", ""))
        headers = {
            "Content-Disposition": f'attachment; filename="night-{found}.html"',
            "Content-Security-Policy": policy(),
        }
        return HttpResponse(render_report(report), headers=headers)


def _night_of(text: str) -> date:
    try:
        return parse_night(text)
    except NoSuchNight as error:
        raise Http404(str(error)) from None
