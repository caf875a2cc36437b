"""The base of each model's admin: lists and details that show rows, and change none; and what their cells show. All
changes are actions of `skycam_project.admin.actions`, which use the services of the pages and the API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.events.models import Event
from core.templatetags.skycam import clock, datetime_text, duration, format_bytes
from skycam_project.admin.actions import views
from skycam_project.admin.actions.table import actions_of
from skycam_project.admin.change_list import EstimatingPaginator, KeysetChangeList, Searched, search_rows

if TYPE_CHECKING:
    Base = ModelAdmin[Any]
else:  # Django's class takes no parameter at run time
    Base = ModelAdmin

NOTHING = "\N{EN DASH}"
YES, NO = "yes", NOTHING


def link(address: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', address, text)


def admin_link(row: Any, text: object = "") -> SafeString | str:
    """To the detail of a row in the admin; a dash without one."""
    if row is None:
        return NOTHING
    return link(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]), text or row)


def picture(address: str, alt: str) -> SafeString:
    """A thumbnail that a browser loads when it comes into view. With its size, so that the list does not move."""
    return format_html(
        '<span class="th thumb"><img src="{}" alt="{}" width="96" height="72" loading="lazy" decoding="async"></span>',
        address, alt,
    )  # fmt: skip


def show_time(at: datetime | None) -> SafeString | str:
    return clock(at) if at else NOTHING


def show_size(size: int | None) -> str:
    return format_bytes(size) if size is not None else NOTHING


def show_length(length: timedelta) -> str:
    return duration(length)


def show_flag(flag: bool) -> str:
    return YES if flag else NO


def show_value(value: Any) -> SafeString | str:
    """A value of a column, in the detail of a row."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return show_flag(value)
    if isinstance(value, datetime):
        return datetime_text(value)
    if isinstance(value, (dict, list)):
        return format_html("<pre>{}</pre>", json.dumps(value, indent=1, default=str)) if value else NOTHING
    return value if isinstance(value, SafeString) else str(value)


EVENTS = 50
FORMS = ["GET", "HEAD", "POST"]
READS = ["GET", "HEAD"]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a detail: a table, with links in its cells."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Media:
    """What a detail plays or shows: addresses of our routes for files. `elsewhere`: the host that has the file."""

    video: str = ""
    poster: str = ""
    picture: str = ""
    elsewhere: str = ""
    width: int = 1280
    height: int = 1024


@dataclass(frozen=True, slots=True)
class Detail:
    facts: Sequence[tuple[str, Any]]
    page: str = ""
    """Our own page of the row."""
    media: Media | None = None
    sections: Sequence[Section] = field(default_factory=tuple)


class ReadOnlyAdmin(Base):
    """A subclass names columns, filters and the fields of its detail. There is no form: no address adds, changes or
    deletes a row."""

    paginator = EstimatingPaginator
    list_per_page = 50
    show_full_result_count = False
    actions = None
    sortable_by = ()
    search_fields = ("pk",)
    cursor_field: ClassVar[str] = ""
    """The time of the order `-time, -id`; empty for a model with few rows."""
    arrival_fields: ClassVar[tuple[str, ...]] = ()
    """Times after which a row belongs to no earlier selection, whatever its id: those of its row, of the trash."""
    search_camera: ClassVar[str] = ""
    search_texts: ClassVar[tuple[Searched, ...]] = ()
    facts: ClassVar[tuple[str, ...]] = ()
    """The fields of the detail."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only the parameters of the list's filters: no lookup on any column, which no index may serve."""
        return lookup in {getattr(one, "parameter_name", "") for one in self.get_list_filter(request)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        return ["action_checkbox", *columns] if actions_of(self.model) else columns

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_rows(queryset, search_term, self.search_camera, self.search_texts), False

    def get_urls(self) -> list[URLPattern]:
        """Only the list, the detail and the confirmation of an action."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        found = [
            path("", view(self.changelist_view), name=f"{name}_changelist"),
            path(f"<uuid:{self.opts.model_name}>/", view(self.detail_view), name=f"{name}_change"),
        ]
        if actions_of(self.model):
            found.append(path("action/<slug:action>/", view(self.action_view), name=f"{name}_action"))
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list; a POST shows what an action would do with the chosen rows."""
        found = actions_of(self.model)
        if request.method not in (FORMS if found else READS):
            return HttpResponseNotAllowed(FORMS if found else READS)
        if request.method == "POST":
            return views.plan_action(self, request)
        name = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": name, "archive_actions": found, **(extra_context or {})})

    def action_view(self, request: HttpRequest, action: str) -> HttpResponseBase:
        """Do what was confirmed."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return views.confirm_action(self, request, action)

    def detail_view(self, request: HttpRequest, **row: UUID) -> HttpResponse:
        """Facts, media, links and events of one row. Its id has the name of its model in the address."""
        if request.method not in READS:
            return HttpResponseNotAllowed(READS)
        found = self.detail_rows().filter(pk__in=row.values()).first()
        if found is None:
            raise Http404(f"There is no {self.opts.verbose_name} with this id.")
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "row": found, "title": str(found),
            "detail": self.detail(found), "events": list(Event.objects.filter(subject=str(found.pk))[:EVENTS]),
            "archive_actions": actions_of(self.model),
        }  # fmt: skip
        return TemplateResponse(request, "admin/detail.html", context)

    def detail_rows(self) -> QuerySet[Any]:
        """The rows of details, with what they need."""
        rows: QuerySet[Any] = self.model._base_manager.all()
        return rows

    def detail(self, row: Any) -> Detail:
        return Detail(self.show_facts(row))

    def complete_rows(self, rows: Sequence[Any]) -> None:
        """Add to the rows of a page what their columns show of other tables, in a constant number of queries."""

    def show_facts(self, row: Any) -> list[tuple[str, Any]]:
        """Label and value of each field of `facts`."""
        return [(self._label(name), show_value(getattr(row, name))) for name in self.facts]

    def _label(self, name: str) -> str:
        return capfirst(str(getattr(self.opts.get_field(name), "verbose_name", name)))
