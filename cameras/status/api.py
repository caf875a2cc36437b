"""The status over the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView
from cameras.status import status
from cameras.status.messages import Status


class StatusView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=Status)
    def get(self, request: Request, slug: str = "") -> Response:
        """The camera's present state."""
        return Response(status.read_status(self.camera()))
