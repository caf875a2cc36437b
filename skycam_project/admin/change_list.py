"""Lists of the admin: pages by cursor, so that the deepest costs as little as the first, bounded totals, search, and
filters. A search by the beginning of an id or by a camera uses an index. A part of a text uses none, so only the
newest SEARCHED rows of the filtered list are read, however many there are. A filter accepts only its own choices:
what an address cannot say, no query can do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import BaseExpression
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.http import HttpRequest

from cameras.models import Camera
from captures.days import FIRST, LAST, Day
from core.api.paging import beyond
from core.api.queries import Cursor
from core.events.selectors import unresolved_keys

MB = 1_000_000
Condition = Callable[[], Q]


class ChoiceFilter(SimpleListFilter):
    """A literal table of choices. `options`: value -> label and condition."""

    options: ClassVar[dict[str, tuple[str, Condition]]] = {}

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.options.get(self.value() or "")
        return queryset.filter(chosen[1]()) if chosen else queryset


def choices(name: str, label: str, options: dict[str, tuple[str, Condition]]) -> type[ChoiceFilter]:
    """A filter with the parameter `name`, by a table: value -> label and condition."""
    return type(f"{name.title()}Filter", (ChoiceFilter,), {"title": label, "parameter_name": name, "options": options})


def values_of(field: str, values: Sequence[tuple[str, str]], label: str = "") -> type[ChoiceFilter]:
    """A filter for the values of a column."""
    options = {value: (text, _equals(field, value)) for value, text in values}
    return choices(field, label or field, options)


def yes_or_no(name: str, label: str, condition: Q) -> type[ChoiceFilter]:
    return choices(name, label, {"yes": ("Yes", lambda: condition), "no": ("No", lambda: ~condition)})


def _equals(field: str, value: str) -> Condition:
    return lambda: Q(**{field: value})


class CameraFilter(SimpleListFilter):
    """Removed cameras too: their files stay."""

    title, parameter_name = "camera", "camera"
    path: ClassVar[str] = "camera_id"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        found = Camera.objects.order_by("slug", "created_at").only("id", "slug", "removed_at")
        return [(str(one.pk), f"{one.slug} (removed)" if one.removed_at else one.slug) for one in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = dict(self.lookup_choices).get(self.value() or "")
        return queryset.filter(**{self.path: UUID(self.value())}) if chosen else queryset


class ExperimentCameraFilter(CameraFilter):
    path = "places__camera_id"


class NightFilter(SimpleListFilter):
    """Files of the night that began on the evening of a date, by the station's site."""

    title, parameter_name = "night (evening of)", "night"
    template = "admin/date_filter.html"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    @property
    def night(self) -> date | None:
        """None for text that is no date of the calendar."""
        try:
            found = date.fromisoformat(self.value() or "")
        except ValueError:
            return None
        return found if FIRST <= found <= LAST else None

    def choices(self, changelist: Any) -> Any:
        kept = {name: value for name, value in changelist.params.items() if name != self.parameter_name}
        yield {"kept": kept, "name": self.parameter_name, "value": self.night.isoformat() if self.night else ""}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.night is None:
            return queryset
        begin, end = Day(self.night, "night").range
        return queryset.filter(started_at__gte=begin, started_at__lt=end)


def sizes(of: BaseExpression | F) -> type[ChoiceFilter]:
    """Bands of bytes. `of`: the bytes of a row."""

    def band(low: int, high: int | None = None) -> Condition:
        below = Q(LessThan(of, high * MB)) if high else Q()
        return lambda: Q(GreaterThanOrEqual(of, low * MB)) & below

    return choices("size", "size", {
        "10mb": ("Below 10 MB", band(0, 10)),
        "100mb": ("10 to 100 MB", band(10, 100)),
        "1gb": ("100 MB to 1 GB", band(100, 1000)),
        "more": ("1 GB and more", band(1000)),
    })  # fmt: skip


def alerted(beginning: str, of_keys: Callable[[list[str]], Q]) -> Condition:
    """The rows for whose files an alert is open. Few are: each alert is one that a person has to deal with."""
    return lambda: of_keys([key.removeprefix(beginning) for key in unresolved_keys(beginning)])


def uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def number_or_none(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def faults(of_keys: Callable[[list[str]], Q]) -> type[ChoiceFilter]:
    """Missing and corrupt files, as the last look at them found. `of_keys`: the condition of the rows of such files,
    from what the alerts call these; some are of another table."""
    return choices("fault", "file", {
        "missing": ("Missing", alerted("storage.missing:", of_keys)),
        "corrupt": ("Corrupt", alerted("storage.damaged:", of_keys)),
    })  # fmt: skip


def offsite(copies: Callable[[str], Q]) -> type[ChoiceFilter]:
    """By the state of off-site copies. `copies`: state -> the condition of rows with such a copy."""
    return choices("offsite", "off-site copy", {
        "verified": ("Verified", lambda: copies("verified")),
        "queued": ("Queued", lambda: copies("queued") | copies("sending")),
        "dead": ("Dead", lambda: copies("dead")),
        "none": ("Not verified", lambda: ~copies("verified")),
    })  # fmt: skip


def model_choices(model: type[Model], field: str) -> list[tuple[str, str]]:
    """Value and label of the choices of a column."""
    found: Any = model._meta.get_field(field)
    return [(str(value), str(value)) for value, _ in found.choices]


if TYPE_CHECKING:
    PaginatorBase = Paginator[Any]
else:  # Django's class takes no parameter at run time
    PaginatorBase = Paginator

SEARCHED = 20_000
SHORTEST = 3
"""Characters of a part of a text."""
ID_DIGITS = 6
"""The fewest hexadecimal digits that are read as the beginning of an id."""


Searched = str | Callable[[str], Q]
"""A column with text; or, for a text of which a row has several, the condition of the rows with one that contains a
part: a join would find a row once for each of them."""


def search_rows(rows: QuerySet[Any], text: str, camera: str, texts: tuple[Searched, ...]) -> QuerySet[Any]:
    """The rows that `text` finds, each once. `camera`: the path to the camera's id, or empty."""
    text = text.strip()
    if not text:
        return rows
    if (span := id_range(text)) is not None:
        return rows.filter(pk__range=span)
    if camera and (cameras := list(Camera.objects.filter(slug=text).values_list("pk", flat=True))):
        return rows.filter(**{f"{camera}__in": cameras})
    if len(text) < SHORTEST or not texts:
        return rows.none()
    newest = rows.values("pk")[:SEARCHED]
    found = Q()
    for one in texts:
        found |= Q(**{f"{one}__icontains": text}) if isinstance(one, str) else one(text)
    return rows.filter(found, pk__in=newest)


def search_help(camera: str, texts: tuple[Searched, ...]) -> str:
    """What the search of a list finds, in words."""
    found = [f"an id or its first {ID_DIGITS} or more digits"]
    found += ["the id of a camera"] if camera else []
    if texts:
        found.append(f"a part of a path or name (at least {SHORTEST} characters, among the newest {SEARCHED:,})")
    return f"{', or '.join(found)}.".capitalize()


def id_range(text: str) -> tuple[UUID, UUID] | None:
    """The ids that begin with these digits; None for what is no beginning of an id."""
    digits = text.replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{ID_DIGITS},32}}", digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


MOST_COUNTED = 10_000
"""Rows that are counted one by one. Beyond, PostgreSQL estimates, and SQLite says that there are more."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows a filter finds. `text` is for people: `1,204`, `about 203,000` or `more than 10,000`."""

    number: int
    text: str


class EstimatingPaginator(PaginatorBase):
    """Counts at most MOST_COUNTED rows, however many there are."""

    @cached_property
    def total(self) -> Total:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        counted = rows.order_by()[: MOST_COUNTED + 1].count()
        if counted <= MOST_COUNTED:
            return Total(counted, f"{counted:,}")
        if connections[rows.db].vendor == "postgresql":
            estimated = max(counted, estimate_rows(rows))
            return Total(estimated, f"about {estimated:,}")
        return Total(counted, f"more than {MOST_COUNTED:,}")

    @cached_property
    def count(self) -> int:
        return self.total.number


def estimate_rows(rows: QuerySet[Any]) -> int:
    """The number of rows that PostgreSQL's planner expects."""
    plan = json.loads(rows.order_by().explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


class KeysetChangeList(ChangeList):
    """One page of rows behind the cursor of the address. A model without `cursor_field` has few rows: one page."""

    result_list: list[Any]
    total: Total

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """That of the model's admin. The address cannot choose another one, which no index would serve."""
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        field: str = getattr(self.model_admin, "cursor_field", "")
        cursor = cursor_of(request) if field else None
        rows = beyond(self.queryset, field, cursor)
        # One row more than the page shows whether there are older ones, without counting.
        found = list(rows[: self.list_per_page + 1])
        self.has_older, self.result_list = len(found) > self.list_per_page, found[: self.list_per_page]
        model_admin: Any = self.model_admin
        model_admin.complete_rows(self.result_list)
        self.search_help_text = search_help(model_admin.search_camera, model_admin.search_texts)
        self.is_first = cursor is None
        last = self.result_list[-1] if self.has_older and field else None
        self.older = Cursor(getattr(last, field), last.pk, newer=False).text() if last else ""
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        self.total = self._total()
        self.result_count, self.full_result_count = self.total.number, None
        self.show_full_result_count, self.show_admin_actions = False, True
        self.can_show_all, self.multi_page = False, self.has_older

    def _total(self) -> Total:
        if self.is_first and not self.has_older:
            return Total(len(self.result_list), f"{len(self.result_list):,}")
        assert isinstance(self.paginator, EstimatingPaginator)
        return self.paginator.total

    @property
    def older_query(self) -> str:
        return self.get_query_string({PAGE_VAR: self.older}) if self.older else ""

    @property
    def newest_query(self) -> str:
        return self.get_query_string()


def cursor_of(request: HttpRequest) -> Cursor | None:
    """None for the first page, and for text that is no cursor."""
    try:
        return Cursor.parse(request.GET[PAGE_VAR]) if request.GET.get(PAGE_VAR) else None
    except ValueError:
        return None
