"""The API of one camera: its status, its connection, its lease and its simulated faults; and of the station:
discovery and viewers."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras import leases, viewers
from cameras.camera_view import CameraView, actor
from cameras.connection import connect
from cameras.discovery.service import DiscoveredList, discover_cameras
from cameras.drivers.simulated.faults import Faults
from cameras.faults import read_faults, set_faults
from cameras.leases import AcquireLeaseBody, LeaseBody, ReleaseLeaseBody, lease_body
from cameras.live.viewer import ViewerBody
from cameras.status import status
from cameras.status.messages import Status
from core.idempotency.view import IdempotentView


class StatusView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=Status)
    def get(self, request: Request, slug: str = "") -> Response:
        """The camera's present state."""
        return Response(status.read_status(self.camera()))


class ConnectView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}
    connected = True

    @extend_schema(request=None, responses=Status)
    def post(self, request: Request, slug: str = "") -> Response:
        """Set whether the camera should be connected; return its status. The setting survives restarts."""
        return Response(connect(self.camera(), self.connected, actor(request)))


class AcquireLeaseView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=AcquireLeaseBody, responses=LeaseBody)
    def post(self, request: Request, slug: str) -> Response:
        """Take the camera, or renew your lease: no one else can control it then. 409 while another user holds it,
        unless `over` is true. A running session continues."""
        wanted = AcquireLeaseBody.model_validate(request.data)
        camera = leases.acquire_lease(self.camera(), actor(request), over=wanted.over, for_s=wanted.for_s)
        return Response(lease_body(camera))


class ReleaseLeaseView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=ReleaseLeaseBody, responses=LeaseBody)
    def post(self, request: Request, slug: str) -> Response:
        """Release the camera. 409 while another user holds it, unless `over` is true."""
        wanted = ReleaseLeaseBody.model_validate(request.data)
        return Response(lease_body(leases.release_lease(self.camera(), actor(request), over=wanted.over)))


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


class DiscoverView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(request=None, responses=DiscoveredList)
    def post(self, request: Request) -> Response:
        """Discover the cameras attached to each camera host. A host that does not answer is listed as a problem."""
        return Response(discover_cameras())


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
