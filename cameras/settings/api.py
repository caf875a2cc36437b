"""Settings, capabilities and presets over the API. A preset belongs to a kind, and is addressed through a camera of
that kind."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import Field, TypeAdapter
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView, actor
from cameras.resource import Settings
from cameras.settings import presets
from cameras.settings.presets import Comparison, PresetBody, PresetChange, PresetList, PresetNew
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
from core.resources.resource import body_of

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


class PresetsView(IdempotentView, CameraView):
    roles = {"GET": "viewer", "POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(operation_id="presets_list", responses=PresetList)
    def get(self, request: Request, slug: str) -> Response:
        """The presets for cameras of this camera's kind."""
        return Response({"results": [body_of(PresetBody, preset) for preset in presets.presets_for(self.camera())]})

    @extend_schema(request=PresetNew, responses={201: PresetBody})
    def post(self, request: Request, slug: str) -> Response:
        """Save settings as a preset; by default the camera's present desired settings."""
        camera = self.camera()
        wanted = PresetNew.model_validate(request.data)
        preset = presets.save_preset(camera, wanted.name, wanted.settings, actor(request), new_id=self.reserved_id)
        return Response(body_of(PresetBody, preset), 201, headers={"Location": f"{request.path}{quote(preset.name)}/"})


class PresetView(CameraView):
    roles = {"GET": "viewer", "PUT": "operator", "DELETE": "operator"}

    @extend_schema(responses=PresetBody)
    def get(self, request: Request, slug: str, name: str) -> Response:
        """One preset."""
        return Response(body_of(PresetBody, presets.preset_for(self.camera(), name)))

    @extend_schema(request=PresetChange, responses=PresetBody)
    def put(self, request: Request, slug: str, name: str) -> Response:
        """Replace the settings of a preset; by default with the camera's present desired settings."""
        camera = self.camera()
        # PUT only replaces: `save_preset` would add a preset that does not exist.
        presets.preset_for(camera, name)
        wanted = PresetChange.model_validate(request.data)
        preset = presets.save_preset(camera, name, wanted.settings, actor(request), replace=True)
        return Response(body_of(PresetBody, preset))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str, name: str) -> Response:
        """Delete a preset. No camera's settings change."""
        presets.delete_preset(self.camera(), name, actor(request))
        return Response(status=204)


class ApplyPresetView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=SettingsBody)
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Set exactly the preset's settings; the answer has what the camera made of them."""
        camera = self.camera()
        return Response(settings_body(camera, presets.apply_preset(camera, name, actor(request))))


class ComparePresetView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=Comparison)
    def get(self, request: Request, slug: str, name: str) -> Response:
        """Compare the preset with the desired and the actual settings."""
        return Response(body_of(Comparison, presets.compare_preset(self.camera(), name)))
