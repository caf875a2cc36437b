from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import TypeAdapter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.audience.service import FIELDS
from cameras.bodies import (
    CameraBody,
    CapabilitiesBody,
    LeaseBody,
    SettingsBody,
    camera_bodies,
    camera_body,
    capabilities_body,
    lease_body,
    settings_body,
)
from cameras.commands.control import ControlError
from cameras.discovery.service import discover_cameras
from cameras.drivers.simulated.faults import Faults
from cameras.editing import services
from cameras.leases import service as leases
from cameras.live.mjpeg import CONTENT_TYPE, open_stream, stream_parts
from cameras.live.snapshot_limiter import has_pictures, next_picture
from cameras.models import Camera
from cameras.selectors import camera_for, primary_camera_for
from cameras.serializers import (
    AcquireLeaseBody,
    CameraChange,
    CameraList,
    CameraNew,
    DiscoveredList,
    FaultsBody,
    FrameQuery,
    ReleaseLeaseBody,
    Settings,
    SettingsQuery,
)
from cameras.status import status
from cameras.status.messages import Status
from cameras.tables import ACCESS, resolve
from core.limits.wait_limiter import WaitLimiter

FRAME_WAIT_S = 3.0
NOT_KEPT = {"Cache-Control": "no-store"}
SETTINGS = TypeAdapter(Settings)


def actor(request: Request) -> str:
    return str(request.user.get_username())


SETTINGS_LIMITER = WaitLimiter("a camera's settings", most=16, most_per_user=8)
"""Viewers may read a camera's settings; each request that waits holds a thread."""


class CameraView(APIView):
    """A view of the camera in the URL; of the primary camera where the URL names none."""

    def camera(self) -> Camera:
        if slug := self.kwargs.get("slug"):
            return camera_for(self.request.user, slug)
        return primary_camera_for(self.request.user)


class CamerasView(APIView):
    roles = {"GET": "viewer", "POST": "manager"}

    @extend_schema(operation_id="cameras_list", responses=CameraList)
    def get(self, request: Request) -> Response:
        """The cameras that you may see."""
        return Response({"results": camera_bodies(request.user)})

    @extend_schema(request=CameraNew, responses={201: CameraBody})
    def post(self, request: Request) -> Response:
        """Add a camera."""
        wanted = CameraNew.model_validate(request.data).model_dump()
        settings = wanted.pop("settings")
        seen_by = {name: wanted.pop(name) for name in FIELDS}
        camera = services.add_camera(**wanted, values=settings, seen_by=seen_by, actor=actor(request))
        return Response(camera_body(camera, request.user), 201, headers={"Location": f"/api/v1/cameras/{camera.slug}/"})


class CameraDetailView(CameraView):
    roles = {"GET": "viewer", "PATCH": "manager", "DELETE": "manager"}

    @extend_schema(responses=CameraBody)
    def get(self, request: Request, slug: str) -> Response:
        """One camera as the database has it; `status/` has its present state."""
        return Response(camera_body(self.camera(), request.user))

    @extend_schema(request=CameraChange, responses=CameraBody)
    def patch(self, request: Request, slug: str) -> Response:
        """Change a camera, or who may see it (`restricted`, `audience`). Its host applies the change. While a session
        runs, a new address or host and `enabled: false` are refused with 409. `host_is_gone` moves a camera whose host
        has neither lease nor heartbeat to another `host` and ends its session."""
        wanted = CameraChange.model_validate(request.data)
        gone = wanted.host_is_gone
        changed = services.change_camera(self.camera(), wanted.changes(), actor(request), host_is_gone=gone)
        return Response(camera_body(changed, request.user))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Remove a camera. Its captures stay. 409 while a session runs on it."""
        services.remove_camera(self.camera(), actor(request))
        return Response(status=204)


class DiscoverView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(request=None, responses=DiscoveredList)
    def post(self, request: Request) -> Response:
        """Discover the cameras attached to each camera host. A host that does not answer is listed as a problem."""
        return Response(discover_cameras())


class ConnectView(CameraView):
    roles = {"POST": "operator"}
    connected = True

    @extend_schema(request=None, responses=Status)
    def post(self, request: Request, slug: str = "") -> Response:
        """Set whether the camera should be connected; return its status. The setting survives restarts."""
        return Response(services.connect(self.camera(), self.connected, actor(request)))


class AcquireLeaseView(CameraView):
    roles = {"POST": "operator"}

    @extend_schema(request=AcquireLeaseBody, responses=LeaseBody)
    def post(self, request: Request, slug: str) -> Response:
        """Take the camera, or renew your lease: no one else can control it then. 409 while another user holds it,
        unless `over` is true. A running session continues."""
        wanted = AcquireLeaseBody.model_validate(request.data)
        camera = leases.acquire_lease(self.camera(), actor(request), over=wanted.over, for_s=wanted.for_s)
        return Response(lease_body(camera))


class ReleaseLeaseView(CameraView):
    roles = {"POST": "operator"}

    @extend_schema(request=ReleaseLeaseBody, responses=LeaseBody)
    def post(self, request: Request, slug: str) -> Response:
        """Release the camera. 409 while another user holds it, unless `over` is true."""
        wanted = ReleaseLeaseBody.model_validate(request.data)
        return Response(lease_body(leases.release_lease(self.camera(), actor(request), over=wanted.over)))


class StatusView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=Status)
    def get(self, request: Request, slug: str = "") -> Response:
        """The camera's present state."""
        return Response(status.read_status(self.camera()))


class SettingsView(CameraView):
    roles = {"GET": "viewer", "PUT": "operator", "PATCH": "operator"}

    @extend_schema(parameters=SettingsQuery.parameters(), responses=SettingsBody)
    def get(self, request: Request, slug: str) -> Response:
        """The settings as last read back. `?refresh=1` reads them from the camera, at most once a second and never when
        an exposure is due."""
        query = SettingsQuery.of(request)
        camera = self.camera()
        if not query.refresh:
            return Response(settings_body(camera, None))
        with SETTINGS_LIMITER.slot(request.user.get_username()):
            return Response(settings_body(camera, services.refresh_settings(camera)))

    @extend_schema(request=OpenApiTypes.OBJECT, responses=SettingsBody)
    def put(self, request: Request, slug: str) -> Response:
        """Set exactly these settings. Settings not named are left to the camera."""
        return self._set(request, replace=True)

    @extend_schema(request=OpenApiTypes.OBJECT, responses=SettingsBody)
    def patch(self, request: Request, slug: str) -> Response:
        """Set these settings and keep the others."""
        return self._set(request, replace=False)

    def _set(self, request: Request, *, replace: bool) -> Response:
        camera = self.camera()
        values: dict[str, Any] = SETTINGS.validate_python(request.data)
        return Response(settings_body(camera, services.set_settings(camera, values, actor(request), replace=replace)))


class AdoptView(CameraView):
    roles = {"POST": "operator"}

    @extend_schema(request=None, responses=SettingsBody)
    def post(self, request: Request, slug: str) -> Response:
        """Adopt what was changed on the camera's body (`differs` of `settings/`). To apply your own settings again,
        PATCH `settings/` with `{}`."""
        camera = self.camera()
        return Response(settings_body(camera, services.adopt_settings(camera, actor(request))))


class FaultsView(CameraView):
    roles = {"GET": "manager", "PUT": "manager"}

    @extend_schema(responses=FaultsBody)
    def get(self, request: Request, slug: str) -> Response:
        """The active faults of a simulated camera."""
        camera = self.camera()
        return Response(FaultsBody(camera=camera.slug, faults=services.read_faults(camera)))

    @extend_schema(request=Faults, responses=FaultsBody)
    def put(self, request: Request, slug: str) -> Response:
        """Set exactly these faults. `{}` clears them all."""
        camera = self.camera()
        faults = Faults.model_validate(request.data)
        return Response(FaultsBody(camera=camera.slug, faults=services.set_faults(camera, faults, actor(request))))


class CapabilitiesView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=CapabilitiesBody)
    def get(self, request: Request, slug: str) -> Response:
        """What the camera can do, as reported when it was last opened."""
        return Response(capabilities_body(self.camera()))


class FrameView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=FrameQuery.parameters(), responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """The newest picture of the live view. 429 when you have reached your limit, or too many requests wait."""
        camera = self.camera()
        picture = next_picture(camera.slug, FrameQuery.of(request).quality, FRAME_WAIT_S, actor(request))
        if picture is None:
            raise no_picture(camera)
        return HttpResponse(picture.jpeg, content_type="image/jpeg", headers=NOT_KEPT)


class StreamView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=FrameQuery.parameters(), responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Live pictures as one endless response (MJPEG), for clients without WebSockets. It ends when the pictures end.
        503 when the limit of viewers is reached."""
        camera, quality = self.camera(), FrameQuery.of(request).quality
        if not has_pictures(camera.slug, quality, FRAME_WAIT_S, actor(request)):
            raise no_picture(camera)
        if request.method == "HEAD":
            return HttpResponse(content_type=CONTENT_TYPE, headers=NOT_KEPT)
        principal = resolve(ACCESS["principal"])(lower_case(request.headers))
        stream = open_stream(slug, quality, principal, actor(request), request.META.get("REMOTE_ADDR") or "")
        return StreamingHttpResponse(stream_parts(stream), content_type=CONTENT_TYPE, headers=NOT_KEPT)


def no_picture(camera: Camera) -> ControlError:
    return ControlError(f"{camera.slug} gave no picture within {FRAME_WAIT_S:g} s. See `status/`.")


def lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
