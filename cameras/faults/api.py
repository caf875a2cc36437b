"""The faults of a simulated camera over the API."""

from __future__ import annotations

from typing import Any, TypedDict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView, actor
from cameras.drivers.simulated.faults import Faults
from cameras.faults.service import read_faults, set_faults


class FaultsBody(TypedDict):
    """The active faults; faults that are not named are off."""

    camera: str
    faults: dict[str, Any]


class FaultsView(CameraView):
    roles = {"GET": "manager", "PUT": "manager"}

    @extend_schema(responses=FaultsBody)
    def get(self, request: Request, slug: str) -> Response:
        """The active faults of a simulated camera."""
        camera = self.camera()
        return Response(FaultsBody(camera=camera.slug, faults=read_faults(camera)))

    @extend_schema(request=Faults, responses=FaultsBody)
    def put(self, request: Request, slug: str) -> Response:
        """Set exactly these faults. `{}` clears them all."""
        camera = self.camera()
        faults = Faults.model_validate(request.data)
        return Response(FaultsBody(camera=camera.slug, faults=set_faults(camera, faults, actor(request))))
