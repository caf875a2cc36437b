"""Connecting and disconnecting over the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView, actor
from cameras.connection.service import connect
from cameras.status.messages import Status
from core.idempotency.view import IdempotentView


class ConnectView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}
    connected = True

    @extend_schema(request=None, responses=Status)
    def post(self, request: Request, slug: str = "") -> Response:
        """Set whether the camera should be connected; return its status. The setting survives restarts."""
        return Response(connect(self.camera(), self.connected, actor(request)))
