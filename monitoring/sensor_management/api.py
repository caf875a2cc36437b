"""The routes of sensors."""

from __future__ import annotations

from typing import TypedDict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.models import SensorChannel
from monitoring.sensor_management.bodies import (
    ChannelBody,
    DetectionBody,
    SensorBody,
    TestBody,
    channel_body,
    sensor_body,
    sensor_url,
)
from monitoring.sensor_management.detection import detect_sensors, try_sensor, try_settings
from monitoring.sensor_management.requests import (
    ChannelChange,
    SensorChange,
    SensorRequest,
    SensorTestRequest,
    StoredTestRequest,
)
from monitoring.sensor_management.selectors import sensor_for, sensors_for, status_of, statuses_of
from monitoring.sensor_management.services import add_sensor, change_channel, change_sensor, remove_sensor


class SensorList(TypedDict):
    results: list[SensorBody]


class SensorsView(APIView):
    roles = {"GET": "viewer", "POST": "manager"}

    @extend_schema(operation_id="sensors_list", responses=SensorList)
    def get(self, request: Request) -> Response:
        """All sensors with the newest values of their channels, by name."""
        return Response({"results": [sensor_body(status) for status in statuses_of(sensors_for(request.user))]})

    @extend_schema(operation_id="sensors_add", request=SensorRequest, responses={201: SensorBody})
    def post(self, request: Request) -> Response:
        """Add a sensor. Its channels come with its first readings."""
        sensor = add_sensor(SensorRequest.model_validate(request.data), request.user.get_username())
        return Response(sensor_body(status_of(sensor)), 201, headers={"Location": sensor_url(sensor)})


class SensorView(APIView):
    roles = {"GET": "viewer", "PATCH": "manager", "DELETE": "manager"}

    @extend_schema(operation_id="sensors_show", responses=SensorBody)
    def get(self, request: Request, sensor: str) -> Response:
        return Response(sensor_body(status_of(sensor_for(request.user, sensor))))

    @extend_schema(operation_id="sensors_change", request=SensorChange, responses=SensorBody)
    def patch(self, request: Request, sensor: str) -> Response:
        """Change the fields and the settings that are given. A stored secret stays if it is not given, or given as
        `***`."""
        found, wanted = sensor_for(request.user, sensor), SensorChange.model_validate(request.data)
        return Response(sensor_body(status_of(change_sensor(found, wanted, request.user.get_username()))))

    @extend_schema(operation_id="sensors_remove", responses={204: None})
    def delete(self, request: Request, sensor: str) -> Response:
        """Remove the sensor with all its readings."""
        remove_sensor(sensor_for(request.user, sensor), request.user.get_username())
        return Response(status=204)


class ChannelView(APIView):
    roles = {"PATCH": "manager"}

    @extend_schema(operation_id="sensors_change_channel", request=ChannelChange, responses=ChannelBody)
    def patch(self, request: Request, sensor: str, channel: int) -> Response:
        """Change the fields that are given. `main` makes it the temperature of the site, in place of another one."""
        found = channel_of(sensor_for(request.user, sensor).name, channel)
        change_channel(found, ChannelChange.model_validate(request.data), request.user.get_username())
        status = status_of(found.sensor)
        return Response(channel_body(next(one for one in status.channels if one.channel.pk == found.pk)))


def channel_of(sensor: str, channel: int) -> SensorChannel:
    """SensorChannel.DoesNotExist."""
    return SensorChannel.objects.select_related("sensor").get(pk=channel, sensor__name=sensor, sensor__removed_at=None)


class DetectView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="sensors_detect", request=None, responses=DetectionBody)
    def post(self, request: Request) -> Response:
        """Search for sensors at all hosts. A host that does not answer is listed as a problem."""
        return Response(detect_sensors(request.user.get_username()))


class TestView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="sensors_test_settings", request=SensorTestRequest, responses=TestBody)
    def post(self, request: Request) -> Response:
        """Open a driver once with settings that are not stored, and answer with what it gives."""
        wanted = SensorTestRequest.model_validate(request.data)
        return Response(try_settings(wanted.kind, wanted.host, wanted.settings, request.user.get_username()))


class SensorTestView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="sensors_test", request=StoredTestRequest, responses=TestBody)
    def post(self, request: Request, sensor: str) -> Response:
        """The same with the settings of a sensor, or with changes of them."""
        wanted = StoredTestRequest.model_validate(request.data)
        return Response(try_sensor(sensor_for(request.user, sensor), wanted.settings, request.user.get_username()))
