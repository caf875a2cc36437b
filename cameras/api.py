from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.audience.service import FIELDS
from cameras.bodies import CameraBody, CameraList, camera_bodies, camera_body
from cameras.camera_view import CameraView, actor
from cameras.editing import services
from cameras.serializers import CameraChange, CameraNew
from core.idempotency.view import IdempotentView


class CamerasView(IdempotentView):
    roles = {"GET": "viewer", "POST": "manager"}
    idempotent = {"POST"}

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
        camera = services.add_camera(
            **wanted, values=settings, seen_by=seen_by, actor=actor(request), new_id=self.reserved_id
        )
        return Response(camera_body(camera, request.user), 201, headers={"Location": f"/api/v1/cameras/{camera.slug}/"})


class CameraDetailView(CameraView):
    roles = {"GET": "viewer", "PATCH": "manager", "DELETE": "manager"}

    @extend_schema(responses=CameraBody)
    def get(self, request: Request, slug: str) -> Response:
        """One camera and its observed state; `status/` has all that its host reports."""
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
