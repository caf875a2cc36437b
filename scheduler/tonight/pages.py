"""The page Tonight: the sky of a night with its runs, and why nothing runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from pydantic import ValidationError

from core.api.model import describe_error
from core.pages import Page
from scheduler.runs.rules import lacks_site
from scheduler.tonight.bodies import NightQuery
from scheduler.tonight.drawing import drawing_of
from scheduler.tonight.night import night_for
from scheduler.tonight.warnings import present_warnings

FIELDS = ("night", "latitude", "longitude", "time_zone")


class TonightPage(Page):
    """Another date or place, in the address, is a dry run."""

    template = "nights/tonight.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        given = {name: request.GET.get(name, "").strip() for name in FIELDS}
        try:
            query, wrong = NightQuery.model_validate({name: value for name, value in given.items() if value}), ""
        except ValidationError as error:
            query, wrong = NightQuery(), " ".join(_sentence(item) for item in error.errors())
        night = night_for(request.user, night=query.night, place=query.place)
        context = {
            "night": night, "drawing": drawing_of(night, timezone.now()), "warnings": present_warnings(night),
            "given": given, "wrong": wrong, "lacks_site": night.site.latitude is None and lacks_site(request.user),
        }  # fmt: skip
        return self.render(context, status=400 if wrong else 200)


def _sentence(item: Any) -> str:
    return f"{'.'.join(map(str, item['loc']))} {describe_error(item)}".strip()
