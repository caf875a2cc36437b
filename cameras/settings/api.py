"""Settings and capabilities over the API."""

from __future__ import annotations

from typing import Annotated, Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import Field, TypeAdapter
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView, actor
from cameras.resource import Settings
from cameras.settings.service import (
    CapabilitiesBody,
    SettingsBody,
    adopt_settings,
    capabilities_body,
    refresh_settings,
    set_settings,
    settings_body,
)
from core.api.queries import Query
from core.idempotency.view import IdempotentView
from core.limits.refusals import WaitLimiter

SETTINGS = TypeAdapter(Settings)
SETTINGS_LIMITER = WaitLimiter("a camera's settings", most=16, most_per_user=8)
"""Viewers may read a camera's settings; each request that waits holds a thread."""


class SettingsQuery(Query):
    refresh: Annotated[bool, Field(description="Ask the camera now.")] = False


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
        # Only this path waits for the camera; the stored reading above needs no slot.
        with SETTINGS_LIMITER.slot(request.user.get_username()):
            return Response(settings_body(camera, refresh_settings(camera)))

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
        return Response(settings_body(camera, set_settings(camera, values, actor(request), replace=replace)))


class AdoptView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=SettingsBody)
    def post(self, request: Request, slug: str) -> Response:
        """Adopt what was changed on the camera's body (`differs` of `settings/`). To apply your own settings again,
        PATCH `settings/` with `{}`."""
        camera = self.camera()
        return Response(settings_body(camera, adopt_settings(camera, actor(request))))


class CapabilitiesView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=CapabilitiesBody)
    def get(self, request: Request, slug: str) -> Response:
        """What the camera can do, as reported when it was last opened."""
        return Response(capabilities_body(self.camera()))
