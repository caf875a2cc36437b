"""Lists of the admin: pages by cursor, so that the deepest costs as little as the first, bounded totals, and search.
A search by the beginning of an id or by a camera uses an index. A part of a text uses none, so only the newest
SEARCHED rows of the filtered list are read, however many there are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from cameras.models import Camera
from core.api.paging import beyond
from core.api.queries import Cursor

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
