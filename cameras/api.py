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

from cameras import services, status, taking
from cameras.audience import FIELDS
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
from cameras.control import ControlError
from cameras.detection import detect
from cameras.drivers.simulated.faults import Faults
from cameras.live.mjpeg import CONTENT_TYPE, stream, watching
from cameras.live.singles import has_pictures, next_picture
from cameras.models import Camera
from cameras.selectors import camera_for, primary_camera_for
from cameras.serializers import (
    CameraChange,
    CameraList,
    CameraNew,
    DetectedList,
    FaultsBody,
    FrameQuery,
    ReleaseBody,
    Settings,
    SettingsQuery,
    TakeBody,
)
from cameras.tables import DOORS, resolve
from core.wait_limiter import WaitLimiter

FRAME_WAIT_S = 3.0
NOT_KEPT = {"Cache-Control": "no-store"}
SETTINGS = TypeAdapter(Settings)


def actor(request: Request) -> str:
    return str(request.user.get_username())


ASKING = WaitLimiter("a camera's settings", most=16, most_per_user=8)
"""A viewer may ask a camera for its settings; each who does holds a thread."""


class CameraView(APIView):
    """A view of the camera that the address names; of the primary camera where it names none."""

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
        """One camera as the database has it; `status/` says how it is now."""
        return Response(camera_body(self.camera(), request.user))

    @extend_schema(request=CameraChange, responses=CameraBody)
    def patch(self, request: Request, slug: str) -> Response:
        """Change a camera, or who may see it (`restricted`, `audience`). Its host follows by itself. While a session
        runs on it, another address or host is refused with 409, and so is to disable it. With `host_is_gone` a camera
        whose host has neither lease nor heartbeat is given to another `host`, and its session ends."""
        wanted = CameraChange.model_validate(request.data)
        gone = wanted.host_is_gone
        changed = services.change_camera(self.camera(), wanted.changes(), actor(request), host_is_gone=gone)
        return Response(camera_body(changed, request.user))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Remove a camera. Its captures stay. 409 while a session runs on it."""
        services.remove_camera(self.camera(), actor(request))
        return Response(status=204)


class DetectView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(request=None, responses=DetectedList)
    def post(self, request: Request) -> Response:
        """What is attached to each camera host. A host that does not answer is among the problems."""
        return Response(detect())


class ConnectView(CameraView):
    roles = {"POST": "operator"}
    connected = True

    @extend_schema(request=None, responses=status.Status)
    def post(self, request: Request, slug: str = "") -> Response:
        """Wish the camera connected (or not) and answer with what was observed. The wish lasts across restarts."""
        return Response(services.connect(self.camera(), self.connected, actor(request)))


class TakeView(CameraView):
    roles = {"POST": "operator"}

    @extend_schema(request=TakeBody, responses=LeaseBody)
    def post(self, request: Request, slug: str) -> Response:
        """Take the camera, or renew what you hold: nobody else commands it then. 409 while another holds it, unless
        `over` is said. A running session goes on."""
        wanted = TakeBody.model_validate(request.data)
        camera = taking.take(self.camera(), actor(request), over=wanted.over, for_s=wanted.for_s)
        return Response(lease_body(camera))


class ReleaseView(CameraView):
    roles = {"POST": "operator"}

    @extend_schema(request=ReleaseBody, responses=LeaseBody)
    def post(self, request: Request, slug: str) -> Response:
        """Let the camera go. 409 while another holds it, unless `over` is said."""
        wanted = ReleaseBody.model_validate(request.data)
        return Response(lease_body(taking.release(self.camera(), actor(request), over=wanted.over)))


class StatusView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=status.Status)
    def get(self, request: Request, slug: str = "") -> Response:
        """How the camera is now."""
        return Response(status.read(self.camera()))


class SettingsView(CameraView):
    roles = {"GET": "viewer", "PUT": "operator", "PATCH": "operator"}

    @extend_schema(parameters=SettingsQuery.parameters(), responses=SettingsBody)
    def get(self, request: Request, slug: str) -> Response:
        """The settings as last read back from the camera; `?refresh=1` asks it, once a second at most and never when
        an exposure is due."""
        query = SettingsQuery.of(request)
        camera = self.camera()
        if not query.refresh:
            return Response(settings_body(camera, None))
        with ASKING.slot(request.user.get_username()):
            return Response(settings_body(camera, services.refresh_settings(camera)))

    @extend_schema(request=OpenApiTypes.OBJECT, responses=SettingsBody)
    def put(self, request: Request, slug: str) -> Response:
        """Wish exactly these settings; what is not named is left to the camera."""
        return self._set(request, replace=True)

    @extend_schema(request=OpenApiTypes.OBJECT, responses=SettingsBody)
    def patch(self, request: Request, slug: str) -> Response:
        """Wish these settings besides those that are wished for already."""
        return self._set(request, replace=False)

    def _set(self, request: Request, *, replace: bool) -> Response:
        camera = self.camera()
        values: dict[str, Any] = SETTINGS.validate_python(request.data)
        return Response(settings_body(camera, services.set_settings(camera, values, actor(request), replace=replace)))


class AdoptView(CameraView):
    roles = {"POST": "operator"}

    @extend_schema(request=None, responses=SettingsBody)
    def post(self, request: Request, slug: str) -> Response:
        """Wish what was changed on the camera's body: `differs` of `settings/`. To have your own again, PATCH
        `settings/` with `{}`."""
        camera = self.camera()
        return Response(settings_body(camera, services.adopt_settings(camera, actor(request))))


class FaultsView(CameraView):
    roles = {"GET": "manager", "PUT": "manager"}

    @extend_schema(responses=FaultsBody)
    def get(self, request: Request, slug: str) -> Response:
        """The faults of a simulated camera that are on."""
        camera = self.camera()
        return Response(FaultsBody(camera=camera.slug, faults=services.read_faults(camera)))

    @extend_schema(request=Faults, responses=FaultsBody)
    def put(self, request: Request, slug: str) -> Response:
        """Rehearse: these faults and no others from now on. `{}` ends the rehearsal."""
        camera = self.camera()
        faults = Faults.model_validate(request.data)
        return Response(FaultsBody(camera=camera.slug, faults=services.set_faults(camera, faults, actor(request))))


class CapabilitiesView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=CapabilitiesBody)
    def get(self, request: Request, slug: str) -> Response:
        """What the camera can do, as it said when it was opened last."""
        return Response(capabilities_body(self.camera()))


class FrameView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=FrameQuery.parameters(), responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """The newest picture of the live view. 429 where you have had as much as you may, or so many requests wait."""
        camera = self.camera()
        picture = next_picture(camera.slug, FrameQuery.of(request).quality, FRAME_WAIT_S, actor(request))
        if picture is None:
            raise no_picture(camera)
        return HttpResponse(picture.jpeg, content_type="image/jpeg", headers=NOT_KEPT)


class StreamView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=FrameQuery.parameters(), responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Live pictures as one endless answer, for clients without WebSockets. It ends when the pictures do. 503 when
        as many as may watch already."""
        camera, quality = self.camera(), FrameQuery.of(request).quality
        if not has_pictures(camera.slug, quality, FRAME_WAIT_S, actor(request)):
            raise no_picture(camera)
        if request.method == "HEAD":
            return HttpResponse(content_type=CONTENT_TYPE, headers=NOT_KEPT)
        visitor = resolve(DOORS["visitor"])(lower_case(request.headers))
        place = watching(slug, quality, visitor, actor(request), request.META.get("REMOTE_ADDR") or "")
        return StreamingHttpResponse(stream(place), content_type=CONTENT_TYPE, headers=NOT_KEPT)


def no_picture(camera: Camera) -> ControlError:
    return ControlError(f"{camera.slug} gave no picture within {FRAME_WAIT_S:g} s. `status/` says how it is.")


def lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
