"""The pages of a telescope's field lists: the lists, one list with its night, and the form with its preview."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from pydantic import ValidationError as InvalidRequest

from cameras.camera_view import refusal
from cameras.errors import UNREACHED
from cameras.models import Camera
from cameras.selectors import cameras_for
from core.pages import Page
from scheduler.planning.rules import FIRST, LAST
from scheduler.telescope.field_lists.models import FieldList, NightlyStart
from scheduler.telescope.field_lists.night_start import start_night
from scheduler.telescope.field_lists.nightly import end_nightly_start, problem_of, set_nightly_start
from scheduler.telescope.field_lists.nights import evening_of, station_site
from scheduler.telescope.field_lists.resource import FieldListChange, FieldListRequest, NightOptions, ObserveRequest
from scheduler.telescope.field_lists.service import FieldListService
from scheduler.telescope.night.field_file import (
    LATIN_1,
    MAX_BYTES,
    LineError,
    decode_field_file,
    parse_field_file,
)

if TYPE_CHECKING:
    from scheduler.telescope.field_lists.plans import NightProgress, PlanChange

MOST_ROWS = 100
MESSAGE_ADD_FILE = "The path of an .add file has at most 500 characters, in one line."
MESSAGE_NAME = "A name has 1 to 60 characters."


class PageOfList(Page):
    """A page of the list in the URL."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except FieldList.DoesNotExist:
            raise Http404 from None

    def found(self) -> FieldList:
        return FieldList.objects.get(pk=self.kwargs["field_list"])

    @property
    def service(self) -> FieldListService:
        return FieldListService(self.request.user, self.actor)


class FieldListsPage(Page):
    template = "telescope/lists.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        lists = (
            FieldList.objects.annotate(
                field_count=Count("fields", distinct=True), observed_count=Count("observations", distinct=True)
            )
            .select_related("nightly_start")
            .defer("text", "added_text")
        )
        present = [one for one in lists if one.archived_at is None]
        return self.render({"lists": present, "archived": [one for one in lists if one.archived_at]})


class FieldListPage(PageOfList):
    """The night of a list: the present one, or the plan of another date."""

    template = "telescope/list.html"

    def get(self, request: HttpRequest, field_list: Any) -> HttpResponse:
        found, now = self.found(), datetime.now(UTC)
        cameras = telescope_cameras(request.user)
        nightly = NightlyStart.objects.filter(field_list=found, camera__in=cameras).select_related("camera").first()
        context: dict[str, Any] = {"list": found, "now": now, "cameras": cameras, "nightly": nightly}
        context["nightly_problem"] = problem_of(nightly, now) if nightly else ""
        try:
            context |= night_context(found, request.GET.get("evening", "").strip(), now)
        except ValidationError as error:
            context["wrong"] = " ".join(error.messages)
        return self.render(context)


def night_context(found: FieldList, evening: str, now: datetime) -> dict[str, Any]:
    """The night, its drawing and the progress of each field. ValidationError for a date that cannot be, and without
    coordinates of the station."""
    from scheduler.telescope.field_lists.plans import night_progress
    from scheduler.telescope.sky_drawing import sky_drawing

    site = station_site()
    present = evening_of(site, now)
    wanted = parse_evening(evening) if evening else present
    progress = night_progress(found, wanted, site=site, now=now if wanted == present else None)
    return {
        "evening": wanted,
        "progress": progress,
        "drawing": sky_drawing(progress, now),
        "moon_percent": round(100 * progress.night.moon_illumination),
        "rows": field_rows(progress),
        "choices": progress.plan.observations[:MOST_ROWS],
        "passed_over": progress.plan.choice(0).passed_over()[:MOST_ROWS] if progress.next else (),
    }


def parse_evening(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValidationError("The date is not valid. Write one such as 2027-03-01.") from None
    if not FIRST <= found <= LAST:
        raise ValidationError(f"The date must be from {FIRST} to {LAST}.")
    return found


@dataclass(frozen=True, slots=True)
class FieldRow:
    """The progress of a field in the night."""

    name: str
    kind: str
    required: int
    done: int
    planned: int
    why: str
    """Why not all is observed; empty if all is."""


def field_rows(progress: NightProgress) -> list[FieldRow]:
    planned: dict[str, int] = {}
    for one in progress.plan.observations:
        planned[one.field.id] = planned.get(one.field.id, 0) + 1
    reasons = {one.field.id: one.reason for one in progress.plan.unfinished}
    return [
        FieldRow(
            name=state.field.comment.strip() or state.field.title,
            kind=state.field.kind.image_type,
            required=state.field.n_required,
            done=state.n_done,
            planned=planned.get(state.field.id, 0),
            why=reasons.get(state.field.id, ""),
        )
        for state in progress.states
    ]


def telescope_cameras(user: Any) -> list[Camera]:
    return [camera for camera in cameras_for(user) if camera.kind == "telescope"]


class FormPage(PageOfList):
    """The form of a list. A file that is chosen or dropped replaces the text."""

    roles = {"GET": "operator", "POST": "operator"}
    template = "telescope/edit.html"

    def _form(self, found: FieldList | None, values: dict[str, Any], status: int = 200, **more: Any) -> HttpResponse:
        preview_url = reverse("preview-field-list", args=[found.pk]) if found else reverse("preview-new-field-list")
        preview = preview_context(found, values["text"])
        context = {"list": found, "preview_url": preview_url, "latin_1": LATIN_1, **values, **preview, **more}
        return self.render(context, status=status)


class AddFieldListPage(FormPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(None, {"name": "", "text": ""})

    def post(self, request: HttpRequest) -> HttpResponse:
        values = form_values(request)
        if "preview" in request.POST:
            return self._form(None, values)
        try:
            added = self.service.add(FieldListRequest(name=values["name"], text=values["text"]))
        except InvalidRequest:
            return self._form(None, values, 400, errors={"name": [MESSAGE_NAME]})
        except ValidationError as error:
            return self._form(None, values, 400, errors=error.message_dict)
        messages.success(request, f"{added.name} was added. {values['encoding']}".strip())
        return redirect("field-list", added.pk)


class EditFieldListPage(FormPage):
    def get(self, request: HttpRequest, field_list: Any) -> HttpResponse:
        found = self.found()
        return self._form(found, {"name": found.name, "text": found.text, "revision": found.revision})

    def post(self, request: HttpRequest, field_list: Any) -> HttpResponse:
        found, values = self.found(), form_values(request)
        if "preview" in request.POST:
            return self._form(found, values)
        try:
            change = FieldListChange(name=values["name"], text=values["text"], revision=values["revision"])
            changed = self.service.change(found, change)
        except InvalidRequest:
            return self._form(found, values, 400, errors={"name": [MESSAGE_NAME]})
        except ValidationError as error:
            refusal = " ".join(error.message_dict.get("", []))
            return self._form(found, values, 400, errors=error.message_dict, refusal=refusal)
        messages.success(
            request,
            f"{changed.name} was changed. A night that runs takes it over before its next choice. "
            f"{values['encoding']}".strip(),
        )
        return redirect("field-list", changed.pk)


class PreviewListPage(PageOfList):
    """The preview alone, while the form is filled in."""

    roles = {"POST": "operator"}
    template = "telescope/_preview.html"

    def post(self, request: HttpRequest, field_list: Any = None) -> HttpResponse:
        found = self.found() if field_list else None
        return self.render({"list": found, **preview_context(found, form_values(request)["text"])})


class ListAction(PageOfList):
    """An action on the list. The page of the list then says what was done, or why it was refused."""

    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, field_list: Any) -> HttpResponse:
        found = self.found()
        try:
            messages.success(request, self.act(found))
        except InvalidRequest:
            messages.error(request, MESSAGE_ADD_FILE)
        except (ValidationError, *UNREACHED) as error:
            messages.error(request, refusal(error, *telescope_cameras(request.user)))
        return redirect("field-list", found.pk)

    def act(self, found: FieldList) -> str:
        """A sentence that says what was done. ValidationError, those of UNREACHED, and InvalidRequest for a path."""
        raise NotImplementedError

    @property
    def add_file(self) -> str:
        return self.request.POST.get("add_file", "").strip()


class AddFieldsPage(ListAction):
    def act(self, found: FieldList) -> str:
        self.service.add_fields(found, self.request.POST.get("text", ""))
        return "The fields were added for the night."


class ObserveListPage(ListAction):
    def act(self, found: FieldList) -> str:
        camera = chosen_camera(self.request)
        start_over = "start_over" in self.request.POST
        asked = ObserveRequest(camera=camera.slug, add_file=self.add_file, start_over=start_over)
        start_night(found, camera, asked, user=self.request.user, actor=self.actor, now=datetime.now(UTC))
        return f"The night of {found.name} runs on {camera.name}."


class NightlyListPage(ListAction):
    """Has each night of the list started by itself, or ends that with `end`."""

    def act(self, found: FieldList) -> str:
        if "end" in self.request.POST:
            end_nightly_start(found, user=self.request.user, actor=self.actor)
            return "No further night is started by itself. One that runs goes on."
        camera = chosen_camera(self.request)
        asked = NightOptions(camera=camera.slug, add_file=self.add_file)
        set_nightly_start(found, camera, asked, user=self.request.user, actor=self.actor, now=datetime.now(UTC))
        return f"{camera.name} observes {found.name} each night from now on."


def chosen_camera(request: HttpRequest) -> Camera:
    """ValidationError for another camera than that of a telescope."""
    slug = request.POST.get("camera", "")
    found = next((one for one in telescope_cameras(request.user) if one.slug == slug), None)
    if found is None:
        raise ValidationError("Choose the camera of a telescope.")
    return found


class ArchiveListPage(PageOfList):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, field_list: Any) -> HttpResponse:
        archived = request.POST.get("archived") != "no"
        try:
            changed = self.service.change(self.found(), FieldListChange(archived=archived))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("field-list", field_list)
        messages.success(request, f"{changed.name} was {'archived' if archived else 'restored'}.")
        return redirect("field-lists")


def form_values(request: HttpRequest) -> dict[str, Any]:
    """`encoding` says that the file was read as Latin-1; empty for UTF-8."""
    text, is_latin_1 = request.POST.get("text", ""), False
    if (file := request.FILES.get("file")) is not None:
        # The parser refuses what is longer.
        text, is_latin_1 = decode_field_file(file.read(MAX_BYTES + 1))
    revision = request.POST.get("revision", "")
    return {
        "name": request.POST.get("name", ""), "text": text.replace("\r\n", "\n"),
        "revision": int(revision) if revision.isdigit() and len(revision) < 10 else None,
        "encoding": f"The file {LATIN_1}" if is_latin_1 else "",
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class WrongLine:
    number: int
    line: str
    message: str


def preview_context(found: FieldList | None, text: str) -> dict[str, Any]:
    """The wrong lines of the text, and what it changes tonight."""
    parsed = parse_field_file(text)
    return {
        "wrong_lines": wrong_lines(text, parsed.errors),
        "field_count": len(parsed.fields),
        "change": plan_change(found, text) if found else None,
    }


def wrong_lines(text: str, errors: tuple[LineError, ...]) -> list[WrongLine]:
    lines = text.split("\n")
    return [WrongLine(error.line, lines[error.line - 1][:120] if error.line else "", error.message) for error in errors]


def plan_change(found: FieldList, text: str) -> PlanChange | None:
    """None without coordinates of the station, and for more fields than a night may have."""
    from scheduler.telescope.field_lists.plans import preview_change

    now = datetime.now(UTC)
    try:
        site = station_site()
        return preview_change(found, text, evening_of(site, now), site=site, now=now)
    except (ValidationError, ValueError):
        return None
