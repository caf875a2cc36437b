"""Pages over rows of which many have the same time. docs/decisions/paging.md refers to these tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.test import RequestFactory
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from core.api.paging import page
from core.api.queries import PageQuery
from core.events.models import Event

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 28, 20, tzinfo=UTC)
URL = "/api/v1/events/"
LIMIT = 3


class NewestFirst(CursorPagination):
    page_size = LIMIT
    ordering = ("-at", "-id")


def add_events(numbers: range) -> list[UUID]:
    """Events of one moment, whose ids are their numbers; returns the ids, newest first."""
    Event.objects.bulk_create(Event(id=UUID(int=number), at=AT, kind="x.y", message="") for number in numbers)
    return [UUID(int=number) for number in reversed(numbers)]


def request_of(url: str) -> Request:
    return Request(RequestFactory().get(url))


def our_page(url: str) -> Any:
    request = request_of(url)
    return page(Event.objects.all(), PageQuery.of(request), request, "at", lambda event: {"id": event.pk})


def drf_page(url: str) -> Any:
    pages = NewestFirst()
    found = pages.paginate_queryset(Event.objects.all(), request_of(url))
    assert found is not None
    return pages.get_paginated_response([{"id": event.pk} for event in found]).data


def ids(found: Any) -> list[UUID]:
    return [row["id"] for row in found["results"]]


def test_a_page_is_the_same_from_both_sides() -> None:
    expected = add_events(range(7))
    second = our_page(our_page(f"{URL}?limit={LIMIT}")["next"])
    third = our_page(second["next"])
    assert ids(second) == expected[3:6]
    assert ids(third) == expected[6:]
    assert ids(our_page(third["previous"])) == ids(second)


def test_a_row_added_to_the_moment_does_not_shift_the_pages() -> None:
    expected = add_events(range(7))
    first = our_page(f"{URL}?limit={LIMIT}")
    add_events(range(7, 9))
    assert ids(our_page(first["next"])) == expected[3:6]


def test_drf_repeats_rows_when_one_is_added_to_the_moment() -> None:
    add_events(range(7))
    first = drf_page(URL)
    add_events(range(7, 9))
    assert set(ids(first)) & set(ids(drf_page(first["next"])))


def test_drf_does_not_find_the_way_back_within_a_moment() -> None:
    add_events(range(7))
    second = drf_page(drf_page(URL)["next"])
    third = drf_page(second["next"])
    assert ids(drf_page(third["previous"])) != ids(second)


def test_drf_never_passes_a_thousand_rows_of_a_moment() -> None:
    add_events(range(NewestFirst.offset_cutoff + 2 * LIMIT))
    url = f"{URL}?cursor=bz0xMDAw"  # o=1000: a thousand rows are behind it
    assert ids(drf_page(url)) == ids(drf_page(drf_page(url)["next"]))
