"""Discovery over the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.discovery.service import DiscoveredList, discover_cameras


class DiscoverView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(request=None, responses=DiscoveredList)
    def post(self, request: Request) -> Response:
        """Discover the cameras attached to each camera host. A host that does not answer is listed as a problem."""
        return Response(discover_cameras())
