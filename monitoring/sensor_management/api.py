"""The routes of sensors that are no operation on a stored one, that of a channel, and the problems of their
exceptions."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.problems import ExceptionTable, from_message
from core.resources.resource import body_of
from monitoring.models import SensorChannel
from monitoring.sensor_management.commands import SensorHostDown, SensorHostSlow
from monitoring.sensor_management.detection import detect_sensors, try_settings
from monitoring.sensor_management.resource import (
    ChannelBody,
    ChannelChange,
    DetectionBody,
    SensorTestRequest,
    TestBody,
)
from monitoring.sensor_management.selectors import channel_with_status, sensor_for
from monitoring.sensor_management.services import change_channel

EXCEPTIONS: ExceptionTable = {
    SensorHostDown: from_message("host-down"),
    SensorHostSlow: from_message("too-slow"),
}


class ChannelView(APIView):
    roles = {"PATCH": "manager"}

    @extend_schema(operation_id="sensors_change_channel", request=ChannelChange, responses=ChannelBody)
    def patch(self, request: Request, sensor: str, channel: int) -> Response:
        """Change the fields that are given. `main` makes it the temperature of the site, in place of another one."""
        found = SensorChannel.objects.get(pk=channel, sensor=sensor_for(request.user, sensor))
        change_channel(found, ChannelChange.model_validate(request.data), request.user.get_username())
        return Response(body_of(ChannelBody, channel_with_status(found)))


class DetectView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="sensors_detect", request=None, responses=DetectionBody)
    def post(self, request: Request) -> Response:
        """Search for sensors at all hosts. A host that does not answer is listed as a problem."""
        return Response(detect_sensors(request.user.get_username()).model_dump())


class TestView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="sensors_test_settings", request=SensorTestRequest, responses=TestBody)
    def post(self, request: Request) -> Response:
        """Open a driver once with settings that are not stored, and answer with what it gives."""
        wanted = SensorTestRequest.model_validate(request.data)
        return Response(try_settings(wanted, request.user.get_username()).model_dump())


urlpatterns = [
    path("detect/", DetectView.as_view()),
    path("test/", TestView.as_view()),
    path("<slug:sensor>/channels/<int:channel>/", ChannelView.as_view()),
]
