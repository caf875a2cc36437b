"""Presets over the API: each belongs to a kind, and is addressed through a camera of that kind."""

from __future__ import annotations

from urllib.parse import quote

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView, actor
from cameras.presets import service as presets
from cameras.presets.service import Comparison, PresetBody, PresetChange, PresetList, PresetNew
from cameras.settings.service import SettingsBody, settings_body
from core.idempotency.view import IdempotentView
from core.resources.answers import body_of


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
