"""The pages of schedules: the list, the form with its preview, changes of single nights, and removal."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError as InvalidFields
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from pydantic import ValidationError

from cameras.selectors import cameras_for
from captures.sessions.models import ACTIVE, Session
from core.api.model import describe_error
from core.events.models import Event
from core.pages import Page, is_htmx_request
from core.templatetags.skycam import clock_text
from core.times.time_parsing import InvalidTime, Location, parse_time
from scheduler.editing.display import preview_of, schedule_rows
from scheduler.editing.schedule_form import FormField, ScheduleForm, capitalised, shown_values
from scheduler.editing.service import ScheduleChanged, ScheduleService, request_of, schedule_version
from scheduler.editing.templates import TEMPLATES, USUAL
from scheduler.planning.clocks import DAY, utc_of_clock
from scheduler.planning.rules import CLOCK, Site
from scheduler.runs.replanning import LEAD
from scheduler.runs.rules import lacks_site, present_night, site_of
from scheduler.schedules.descriptions import schedule_for
from scheduler.schedules.models import Schedule
from scheduler.schedules.resource import NightRequest, ScheduleChange, ScheduleRequest


class PageOfSchedule(Page):
    """A page of the schedule in the URL."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Schedule.DoesNotExist:
            raise Http404 from None

    def schedule(self) -> Schedule:
        """Schedule.DoesNotExist also for one with a camera that the user may not see."""
        return schedule_for(self.request.user, self.kwargs["schedule"])

    @property
    def service(self) -> ScheduleService:
        return ScheduleService(self.request.user, self.actor)


class SchedulesPage(Page):
    template = "schedules/schedules.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        rows, lacking = schedule_rows(request.user, now), lacks_site(request.user)
        return self.render({"rows": rows, "now": now, "lacks_site": lacking})


class FormPage(PageOfSchedule):
    """The form of a schedule, with its preview. Without JavaScript the button Preview shows it."""

    roles = {"GET": "operator", "POST": "operator"}
    template = "schedules/edit.html"

    def _form(self, form: ScheduleForm, schedule: Schedule | None, status: int = 200, **more: Any) -> HttpResponse:
        cameras = [(camera.slug, camera.name) for camera in cameras_for(self.request.user)]
        preview_url = resolve_url("preview-schedule", *([schedule.pk] if schedule else []))
        context = {"form": form, "schedule": schedule, "cameras": cameras, "preview_url": preview_url, **more}
        return self.render({**context, **preview_context(self.request.user, form, schedule)}, status=status)

    def _saved(self, schedule: Schedule, what: str) -> HttpResponse:
        if schedule.enabled:
            runs = "Its runs are planned."
        else:
            runs = f"It is disabled and plans no runs.{begun_sentence(schedule)}"
        messages.success(self.request, f"{schedule.name} was {what}. {runs}")
        return redirect("schedules")


class AddSchedulePage(FormPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = request.GET.get("template", USUAL)
        template = TEMPLATES.get(chosen, TEMPLATES[USUAL])
        cameras = list(cameras_for(request.user).values_list("slug", flat=True))
        # With a single camera there is nothing to choose.
        shown = {**template.values, "cameras": cameras if len(cameras) == 1 else []}
        return self._form(ScheduleForm(shown=shown), None, templates=TEMPLATES, template=template)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ScheduleForm(request.POST)
        if form.request is None or "preview" in request.POST:
            return self._form(form, None, 200 if form.request else 400)
        try:
            return self._saved(ScheduleService(request.user, self.actor).add(form.request), "added")
        except InvalidFields as error:
            form.add_errors(error.message_dict)
            return self._form(form, None, 400)


class EditSchedulePage(FormPage):
    def get(self, request: HttpRequest, schedule: Any) -> HttpResponse:
        found = self.schedule()
        return self._form(ScheduleForm(shown=shown_values(request_of(found), schedule_version(found))), found)

    def post(self, request: HttpRequest, schedule: Any) -> HttpResponse:
        """Change the schedule, unless someone else has since the form was opened."""
        found, form = self.schedule(), ScheduleForm(request.POST)
        if form.request is None or "preview" in request.POST:
            return self._form(form, found, 200 if form.request else 400)
        try:
            return self._saved(self.service.change(found, form.request, form.version), "changed")
        except InvalidFields as error:
            form.add_errors(error.message_dict)
            return self._form(form, found, 400)
        except ScheduleChanged:
            present = self.schedule()
            form.version = schedule_version(present)
            return self._form(form, present, 409, refusal=changed_sentence(present))


class PreviewPage(FormPage):
    """The preview alone, while the form is filled in."""

    roles = {"POST": "operator"}
    template = "schedules/_preview.html"

    def post(self, request: HttpRequest, schedule: Any = None) -> HttpResponse:
        found = self.schedule() if schedule else None
        return self.render(preview_context(request.user, ScheduleForm(with_name(request.POST)), found))


def preview_context(user: Any, form: ScheduleForm, schedule: Schedule | None) -> dict[str, Any]:
    """The preview of the form's schedule, or what to correct."""
    request = form.request if form.request or form.error_count else shown_request(form)
    if request is None:
        return {"form": form, "wrong": form.wrong}
    return {"form": form, "preview": preview_of(user, request, schedule, timezone.now())}


def shown_request(form: ScheduleForm) -> ScheduleRequest | None:
    """Of a form that is shown for the first time. None while it lacks a value, such as the cameras."""
    data = QueryDict(mutable=True)
    data.update({**form.data})
    data.setlist("cameras", form.cameras)
    data.setlist("weekdays", form.weekdays)
    return ScheduleForm(with_name(data)).request


def with_name(data: QueryDict) -> QueryDict:
    """The nights of a schedule do not depend on its name, which may not be written yet."""
    if data.get("name", "").strip():
        return data
    named = data.copy()
    named["name"] = "This schedule"
    return named


def changed_sentence(schedule: Schedule) -> str:
    last = Event.objects.filter(subject=str(schedule.pk), kind="schedule.changed").order_by("-at").first()
    who = f"{last.actor or 'The station'} changed it at {clock_text(last.at)}" if last else "Someone else changed it"
    return (
        f"Nothing was saved. {who}, after you opened this form. Open the schedule again to see it, or save once more "
        "to replace it by what stands here."
    )


class SwitchSchedulePage(PageOfSchedule):
    """Enables a schedule, or disables it."""

    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, schedule: Any) -> HttpResponse:
        found, enabled = self.schedule(), request.POST.get("enabled") == "yes"
        try:
            self.service.change_given(found, ScheduleChange(enabled=enabled))
        except ValidationError as error:
            message = " ".join(f"{item['loc'][0]}: {describe_error(item)}" for item in error.errors() if item["loc"])
            messages.error(request, f"{found.name} was not changed. Edit it first: {message}")
        else:
            what = "enabled." if enabled else f"disabled.{begun_sentence(found)}"
            messages.success(request, f"{found.name} is {what}")
        return redirect("schedules")


def begun_sentence(schedule: Schedule) -> str:
    """That a run has begun, which disabling the schedule does not end; empty without one."""
    now = timezone.now()
    runs = schedule.runs.filter(begins_at__lte=now + LEAD, ends_at__gt=now)
    ended = Session.objects.filter(pk__in=runs.values("pk")).exclude(state__in=ACTIVE)
    found = runs.exclude(pk__in=ended.values("pk")).exists()
    return " Its run that has begun continues: stop its session to end it." if found else ""


class NightForm(forms.Form):
    """One night of a schedule that differs: its texts are times of the site."""

    night = forms.DateField(error_messages={"required": "Choose a night.", "invalid": "Write a date: 2027-03-01."})
    begin = forms.CharField(required=False, max_length=40)
    end = forms.CharField(required=False, max_length=40)


class ScheduleNightPage(PageOfSchedule):
    """Skips a night, begins or ends it at another time, or restores it."""

    roles = {"GET": "operator", "POST": "operator"}
    template = "schedules/night.html"

    def get(self, request: HttpRequest, schedule: Any) -> HttpResponse:
        found = self.schedule()
        return self._form(found, {"night": present_night(found).isoformat()})

    def post(self, request: HttpRequest, schedule: Any) -> HttpResponse:
        found, form = self.schedule(), NightForm(request.POST)
        if not form.is_valid():
            errors = {name: " ".join(map(str, texts)) for name, texts in form.errors.items()}
            return self._form(found, request.POST.dict(), errors)
        night = form.cleaned_data["night"]
        if request.POST.get("do") == "restore":
            self.service.restore_night(found, night)
            return self._done(found, f"the night of {night} is as its window says again.")
        try:
            wanted = self._request(found, form, night)
            changed = self.service.change_night(found, wanted)
        except InvalidNight as error:
            return self._form(found, request.POST.dict(), error.errors)
        except OverflowError:
            return self._form(found, request.POST.dict(), {"night": "It is at the end of the calendar."})
        except InvalidFields as error:
            errors = {name: " ".join(texts) for name, texts in error.message_dict.items()}
            return self._form(found, request.POST.dict(), errors)
        what = "skipped" if wanted.skip else "changed"
        return self._done(found, " ".join([f"the night of {night} is {what}.", *changed.remarks]))

    def _request(self, schedule: Schedule, form: NightForm, night: date) -> NightRequest:
        if self.request.POST.get("do") == "skip":
            return NightRequest(night=night, skip=True)
        now = timezone.now()
        values: dict[str, Any] = {}
        for name in ("begin", "end"):
            if text := form.cleaned_data[name].strip():
                try:
                    values[name] = time_in_night(text, now, night, site_of(schedule))
                except InvalidTime as error:
                    raise InvalidNight({name: str(error)}) from None
        try:
            return NightRequest(night=night, **values)
        except ValidationError as error:
            raise InvalidNight(
                {
                    str(item["loc"][0]) if item["loc"] else "begin": capitalised(describe_error(item))
                    for item in error.errors()
                }
            ) from None

    def _form(self, schedule: Schedule, given: dict[str, Any], errors: dict[str, str] | None = None) -> HttpResponse:
        wrong = errors or {}
        fields = {
            name: FormField(
                name, name.capitalize(), given.get(name, ""), wrong.get(name, ""), name == next(iter(wrong), "")
            )
            for name in NightForm.base_fields
        }
        context = {
            "schedule": schedule, "fields": fields, "errors": wrong, "zone": site_of(schedule).time_zone,
            "changes": list(schedule.changes.all()),
        }  # fmt: skip
        return self.render(context, status=400 if errors else 200)

    def _done(self, schedule: Schedule, what: str) -> HttpResponse:
        messages.success(self.request, f"{schedule.name}: {what}")
        return redirect("schedules")


def time_in_night(text: str, now: datetime, night: date, site: Site) -> datetime:
    """A time of day is that of the night, by the clocks of the site. InvalidTime."""
    if CLOCK.fullmatch(text):
        times = [utc_of_clock(day, time.fromisoformat(text), site.zone) for day in (night, night + DAY)]
        begin, end = site.night_range(night)
        return next((at for at in times if begin <= at <= end), times[0])
    return parse_time(text, now, site.zone, Location(site.latitude, site.longitude)).at


class InvalidNight(Exception):
    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class RemoveSchedulePage(PageOfSchedule):
    """Asks before it removes a schedule."""

    roles = {"GET": "operator", "POST": "operator"}
    template = "schedules/remove.html"

    def get(self, request: HttpRequest, schedule: Any) -> HttpResponse:
        template = "schedules/_remove.html" if is_htmx_request(request) else self.template
        return self.render({"schedule": self.schedule()}, template)

    def post(self, request: HttpRequest, schedule: Any) -> HttpResponse:
        found = self.schedule()
        name = found.name
        self.service.remove(found)
        messages.success(request, f"{name} was removed, with its runs that had not begun.")
        home = resolve_url("schedules")
        return HttpResponse(headers={"HX-Redirect": home}) if is_htmx_request(request) else redirect(home)
