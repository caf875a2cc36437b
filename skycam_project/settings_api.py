"""`/api/v1/settings/`: settings that a manager can change while the station runs."""

from __future__ import annotations

from typing import Any, TypedDict

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import RootModel
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from skycam_project.station_settings import SettingBody, all_settings, change_settings


class SettingList(TypedDict):
    results: list[SettingBody]


class SettingChanges(RootModel[dict[str, Any]]):
    """Key -> value; null removes the value that was set here."""


class StationSettingsView(APIView):
    roles = {"GET": "manager", "PATCH": "manager"}

    @extend_schema(operation_id="settings_list", responses=SettingList)
    def get(self, _request: Request) -> Response:
        """Every key that can be changed while the station runs: its value, its meaning, and where the value was set."""
        return Response(SettingList(results=all_settings()))

    @extend_schema(operation_id="settings_change", request=OpenApiTypes.OBJECT, responses=SettingList)
    def patch(self, request: Request) -> Response:
        """Set keys such as `camera_config.crf`; if one value is invalid, none is changed. null removes the value that
        was set here. All parts of the station apply the changes within two seconds."""
        changes = SettingChanges.model_validate(request.data).root
        change_settings(changes, request.user.get_username())
        return Response(SettingList(results=all_settings()))
