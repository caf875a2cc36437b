"""The pictures of a day as JSON, for the full-size viewer, which continues beyond one page of the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from captures.capturing.models import Capture
from captures.days import Day
from captures.files.addresses import shown
from captures.pages.gallery.scope import GalleryFilter, Scope, page_for
from captures.pages.gallery.tiles import MAX_COUNTED, PageOfCaptures, count_captures
from core.pages import Page
from core.templatetags.skycam import datetime_text

RATIOS = {"1-1": 1.0, "5-4": 5 / 4, "4-3": 4 / 3, "3-2": 3 / 2, "16-9": 16 / 9}
"""Aspect ratios of tiles."""


class PictureBody(TypedDict):
    """`width` and `height` are those of `large`; `gallery` is the address of the gallery page that has its tile."""

    id: str
    page: str
    large: str
    original: str
    width: int
    height: int
    camera: str
    time: str
    simulated: bool
    gallery: str


class PicturesBody(TypedDict):
    """`earlier` and `later` are the addresses of the neighbouring pages, empty at the ends of the day."""

    pictures: list[PictureBody]
    earlier: str
    later: str


class PicturesPage(Page):
    """The pictures of one gallery page; the query string is the page's."""

    def get(self, request: HttpRequest) -> HttpResponse:
        scope = Scope(request.user, GalleryFilter.from_query(request.GET.dict()))
        try:
            day = scope.day()
            capture_page = page_for(scope, day)
        except OverflowError:
            raise Http404("There is no such day.") from None
        chosen = replace(scope.chosen, day=day.date)
        here = f"{reverse('gallery')}{chosen.link(at=chosen.at, cursor=chosen.cursor)}"
        found = [picture_body(capture, here) for capture in capture_page.captures]
        return JsonResponse(
            PicturesBody(
                pictures=[picture for picture in found if picture is not None],
                earlier=address_of(chosen.link(cursor=capture_page.earlier)) if capture_page.earlier else "",
                later=address_of(chosen.link(cursor=capture_page.later)) if capture_page.later else "",
            )
        )


def address_of(query: str) -> str:
    return f"{reverse('pictures')}{query}"


def picture_body(capture: Capture, here: str) -> PictureBody | None:
    """None for a capture without a picture."""
    found = shown(capture)
    if found is None:
        return None
    return PictureBody(
        id=str(capture.pk),
        page=reverse("picture", args=[capture.pk]),
        large=found.large,
        original=found.original,
        width=found.width,
        height=found.height,
        camera=capture.camera.name,
        time=datetime_text(capture.started_at),
        simulated=capture.simulated,
        gallery=here,
    )


def position_in_day(scope: Scope, day: Day, capture_page: PageOfCaptures) -> dict[str, int]:
    """The number of the day's pictures that match the filters, and of those before this page; both at most `most`."""
    chosen = scope.chosen
    statuses = [chosen.status] if chosen.status else []
    begin, end = day.range
    first = capture_page.captures[0].started_at if capture_page.captures else begin
    whole = replace(scope.where(day, *statuses), has_picture=True)
    before, total = count_captures([replace(whole, end=max(begin, min(first, end))), whole])
    return {"before": before, "total": total, "most": MAX_COUNTED}


def tile_ratio(captures: Sequence[Capture]) -> str:
    """The aspect ratio nearest to most of the pictures; 4-3 without pictures."""
    found = [shape for capture in captures if (shape := shown(capture))]
    near = [min(RATIOS, key=lambda name: abs(RATIOS[name] - one.width / one.height)) for one in found]
    return max(near, key=near.count) if near else "4-3"
