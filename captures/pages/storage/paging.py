"""Pages of lists: newest first, with the cursor of the API in the address."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from core.api.paging import beyond
from core.api.queries import Cursor

ROWS = 50
Row = TypeVar("Row", bound=Model)


def page_of(rows: QuerySet[Row], by: str, request: HttpRequest) -> tuple[list[Row], str]:
    """The rows of this page, and the address of the older ones without `?`; empty for the last page. Http404 for a bad
    cursor."""
    before = request.GET.get("before", "")
    try:
        cursor = Cursor.parse(before) if before else None
    except ValueError:
        raise Http404("There is no such page.") from None
    # One row more than the page shows whether there are older ones.
    found = list(beyond(rows, by, cursor).order_by(f"-{by}", "-id")[: ROWS + 1])
    if len(found) <= ROWS:
        return found, ""
    query = request.GET.copy()
    query["before"] = Cursor(getattr(found[ROWS - 1], by), found[ROWS - 1].pk, newer=False).text()
    return found[:ROWS], query.urlencode()
