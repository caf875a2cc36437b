"""Cursor pagination on (-time, -id): the deepest page costs as little as the first, and no rows are counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest
from rest_framework.request import Request

from core.api.queries import Cursor, PageQuery

Row = TypeVar("Row", bound=Model)


class Links(TypedDict):
    next: str | None
    previous: str | None


class Page(Links):
    results: list[Any]


def page(
    rows: QuerySet[Row],
    query: PageQuery,
    request: Request | HttpRequest,
    by: str,
    body: Callable[[Row], Mapping[str, Any]],
) -> Page:
    """One page of `rows`, newest first by the field `by`; `next` leads to older rows, `previous` to newer ones."""
    cursor: Cursor | None = query.cursor
    newer = cursor is not None and cursor.newer
    order = (by, "id") if newer else (f"-{by}", "-id")
    # One row more than the page shows whether there is another page, without counting.
    found = list(beyond(rows, by, cursor).order_by(*order)[: query.limit + 1])
    more, found = len(found) > query.limit, found[: query.limit]
    if newer:
        found.reverse()
    # Where a page was reached from is not queried again: the row of the cursor is on that side.
    has_older, has_newer = (True, more) if newer else (more, cursor is not None)
    return Page(
        next=page_link(request, found[-1], by, newer=False) if found and has_older else None,
        previous=page_link(request, found[0], by, newer=True) if found and has_newer else None,
        results=[body(row) for row in found],
    )


def beyond(rows: QuerySet[Row], by: str, cursor: Cursor | None) -> QuerySet[Row]:
    """The rows beyond the cursor. The first condition repeats the second one so that the database can use the index."""
    if cursor is None:
        return rows
    side = "gt" if cursor.newer else "lt"
    return rows.filter(
        Q(**{f"{by}__{side}e": cursor.at}), Q(**{f"{by}__{side}": cursor.at}) | Q(**{f"id__{side}": cursor.id})
    )


def cursor_of(text: str) -> Cursor | None:
    """Of a page's address; 404 for a bad cursor."""
    try:
        return Cursor.parse(text) if text else None
    except ValueError:
        raise Http404 from None


def page_link(request: Request | HttpRequest, row: Model, by: str, *, newer: bool) -> str:
    """The address of the page beyond `row`."""
    params = request.GET.copy()
    params["cursor"] = Cursor(getattr(row, by), row.pk, newer).text()
    # A path without the host: it is valid behind a proxy, and programs may store it.
    return f"{request.path}?{params.urlencode()}"
