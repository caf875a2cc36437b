"""Viewers of live pictures over the API."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.live.viewer import ViewerBody
from cameras.viewers import service as viewers


class ViewerLimitsBody(TypedDict):
    """0 kbit/s is no limit."""

    max_viewers: int
    max_viewers_per_user: int
    per_viewer_kbit_s: int
    total_kbit_s: int


class ViewerList(TypedDict):
    results: list[ViewerBody]
    limits: ViewerLimitsBody


class ViewersView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(operation_id="viewers_list", responses=ViewerList)
    def get(self, request: Request) -> Response:
        """Who watches what, over all web processes: all viewers for a manager, else your own."""
        return Response({"results": viewers.viewers_for(request.user), "limits": viewers.limits()})


class ViewerView(APIView):
    roles = {"DELETE": "viewer"}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, viewer: UUID) -> Response:
        """End a live view: any for a manager, else your own. Its page says who ended it and can start it again."""
        viewers.end_viewer(request.user, str(viewer))
        return Response(status=204)
