"""The routes of notifications and silences."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.paging import page
from core.camera_names import CameraName
from core.idempotency.view import IdempotentView
from monitoring.notifications.bodies import (
    API,
    NotificationBody,
    NotificationChannelBody,
    RouteBody,
    SilenceBody,
    channel_body,
    notification_body,
    route_body,
    silence_body,
)
from monitoring.notifications.requests import (
    ChannelRequest,
    NotificationChannelChange,
    NotificationPage,
    NotificationQuery,
    RouteRequest,
    SilenceAlertRequest,
    SilencePage,
    SilenceQuery,
    SilenceRequest,
)
from monitoring.notifications.selectors import (
    channels_for,
    notifications_for,
    routes_for,
    silences_for,
    status_of,
    statuses_of,
)
from monitoring.notifications.services import (
    add_channel,
    add_route,
    change_channel,
    change_route,
    remove_channel,
    remove_route,
    send_test,
)
from monitoring.notifications.silences import active_silences, add_silence, end_silence, silence_alert
from monitoring.selectors import alerts_for


class ChannelList(TypedDict):
    results: list[NotificationChannelBody]


class RouteList(TypedDict):
    results: list[RouteBody]


class ChannelsView(APIView):
    roles = {"GET": "manager", "POST": "manager"}

    @extend_schema(operation_id="notification_channels_list", responses=ChannelList)
    def get(self, request: Request) -> Response:
        """All notification channels, by name, without their secrets."""
        return Response({"results": [channel_body(status) for status in statuses_of(channels_for(request.user))]})

    @extend_schema(
        operation_id="notification_channels_add", request=ChannelRequest, responses={201: NotificationChannelBody}
    )
    def post(self, request: Request) -> Response:
        """Add a channel. Its secrets are never shown."""
        channel = add_channel(ChannelRequest.model_validate(request.data), request.user.get_username())
        location = f"{API}channels/{channel.pk}/"
        return Response(channel_body(status_of(channel)), 201, headers={"Location": location})


class ChannelView(APIView):
    roles = {"GET": "manager", "PATCH": "manager", "DELETE": "manager"}

    @extend_schema(operation_id="notification_channels_show", responses=NotificationChannelBody)
    def get(self, request: Request, channel: UUID) -> Response:
        return Response(channel_body(status_of(channels_for(request.user).get(pk=channel))))

    @extend_schema(
        operation_id="notification_channels_change",
        request=NotificationChannelChange,
        responses=NotificationChannelBody,
    )
    def patch(self, request: Request, channel: UUID) -> Response:
        """Change what is given. Switching it off cancels what waits."""
        found, wanted = (
            channels_for(request.user).get(pk=channel),
            NotificationChannelChange.model_validate(request.data),
        )
        return Response(channel_body(status_of(change_channel(found, wanted, request.user.get_username()))))

    @extend_schema(operation_id="notification_channels_remove", responses={204: None})
    def delete(self, request: Request, channel: UUID) -> Response:
        """Remove the channel with its routes and what waits."""
        remove_channel(channels_for(request.user).get(pk=channel), request.user.get_username())
        return Response(status=204)


class ChannelTestView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="notification_channels_test", request=None, responses=NotificationBody)
    def post(self, request: Request, channel: UUID) -> Response:
        """Send a real message over this channel alone, and answer with its outcome."""
        found = channels_for(request.user).get(pk=channel)
        return Response(notification_body(send_test(found, request.user.get_username())))


class RoutesView(IdempotentView):
    roles = {"GET": "manager", "POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="notification_routes_list", responses=RouteList)
    def get(self, request: Request) -> Response:
        """All routes, in the order in which they are tried."""
        return Response({"results": [route_body(route) for route in routes_for(request.user)]})

    @extend_schema(operation_id="notification_routes_add", request=RouteRequest, responses={201: RouteBody})
    def post(self, request: Request) -> Response:
        """Add a route: which alerts go to a channel."""
        wanted = RouteRequest.model_validate(request.data)
        route = add_route(wanted, request.user.get_username(), pk=self.reserved_id)
        return Response(route_body(route), 201, headers={"Location": f"{API}routes/{route.pk}/"})


class RouteView(APIView):
    roles = {"GET": "manager", "PUT": "manager", "DELETE": "manager"}

    @extend_schema(operation_id="notification_routes_show", responses=RouteBody)
    def get(self, request: Request, route: UUID) -> Response:
        return Response(route_body(routes_for(request.user).get(pk=route)))

    @extend_schema(operation_id="notification_routes_change", request=RouteRequest, responses=RouteBody)
    def put(self, request: Request, route: UUID) -> Response:
        """Replace the route. What waits already stays as it is planned."""
        found, wanted = routes_for(request.user).get(pk=route), RouteRequest.model_validate(request.data)
        return Response(route_body(change_route(found, wanted, request.user.get_username())))

    @extend_schema(operation_id="notification_routes_remove", responses={204: None})
    def delete(self, request: Request, route: UUID) -> Response:
        remove_route(routes_for(request.user).get(pk=route), request.user.get_username())
        return Response(status=204)


class NotificationsView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(
        operation_id="notifications_list", parameters=NotificationQuery.parameters(), responses=NotificationPage
    )
    def get(self, request: Request) -> Response:
        """What was sent, waits or failed, newest first."""
        query: NotificationQuery = NotificationQuery.of(request)
        found = notifications_for(request.user).filter(**query.conditions())
        return Response(page(found, query, request, "created_at", notification_body))


class SilenceAlertView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(operation_id="alerts_silence", request=SilenceAlertRequest, responses={201: SilenceBody})
    def post(self, request: Request, alert: UUID) -> Response:
        """Notify no one of alerts with this key, for some time or until this one is resolved."""
        # The alert of a hidden camera does not exist: 404 by the table of exceptions.
        found, wanted = alerts_for(request.user).get(pk=alert), SilenceAlertRequest.model_validate(request.data)
        actor = request.user.get_username()
        silence = silence_alert(found, actor, wanted.reason, wanted.for_s, pk=self.reserved_id)
        return Response(silence_body(silence), 201)


class SilencesView(IdempotentView):
    roles = {"GET": "viewer", "POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="silences_list", parameters=SilenceQuery.parameters(), responses=SilencePage)
    def get(self, request: Request) -> Response:
        """Silences of alerts, newest first."""
        query: SilenceQuery = SilenceQuery.of(request)
        found = silences_for(request.user)
        if query.active is not None:
            active = active_silences().values("pk")
            found = found.filter(pk__in=active) if query.active else found.exclude(pk__in=active)
        return Response(page(found, query, request, "created_at", silence_body))

    @extend_schema(operation_id="silences_add", request=SilenceRequest, responses={201: SilenceBody})
    def post(self, request: Request) -> Response:
        """Notify no one of alerts of a camera, or with keys that begin so, for some time."""
        wanted = SilenceRequest.model_validate(request.data)
        camera = CameraName("", wanted.camera) if wanted.camera else None
        actor = request.user.get_username()
        silence = add_silence(
            actor, wanted.reason, wanted.for_s, key_prefix=wanted.key_prefix, camera=camera, pk=self.reserved_id
        )
        return Response(silence_body(silence), 201)


class EndSilenceView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(operation_id="silences_end", request=None, responses=SilenceBody)
    def post(self, request: Request, silence: UUID) -> Response:
        """End the silence now. One that has ended does not change."""
        found = silences_for(request.user).get(pk=silence)
        end_silence(found, request.user.get_username())
        return Response(silence_body(found))
