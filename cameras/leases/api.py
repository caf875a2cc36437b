"""Leases over the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView, actor
from cameras.leases import service as leases
from cameras.leases.service import AcquireLeaseBody, LeaseBody, ReleaseLeaseBody, lease_body
from core.idempotency.view import IdempotentView


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
