"""The route of a night: what will run, and why nothing does."""

from __future__ import annotations

from dataclasses import replace

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.resources.resource import body_of
from scheduler.tonight.bodies import NightBody, NightQuery
from scheduler.tonight.night import night_for
from scheduler.tonight.warnings import present_warnings


class TonightView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=NightQuery.parameters(), responses=NightBody)
    def get(self, request: Request) -> Response:
        """The present night, or the coming one by day. With another date or place it is a dry run."""
        query: NightQuery = NightQuery.of(request)
        night = night_for(request.user, night=query.night, place=query.place)
        return Response(body_of(NightBody, replace(night, warnings=present_warnings(night))))
