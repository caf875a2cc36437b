"""The routes of silences and of what was sent."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.paging import page
from core.camera_names import CameraName
from core.idempotency.view import IdempotentView
from core.resources.fields import body_of
from monitoring.notifications.requests import (
    NotificationPage,
    NotificationQuery,
    SilenceAlertRequest,
    SilencePage,
    SilenceQuery,
    SilenceRequest,
)
from monitoring.notifications.resource import NotificationBody, SilenceBody
from monitoring.notifications.selectors import notifications_for, silences_for
from monitoring.notifications.silences import active_silences, add_silence, end_silence, silence_alert
from monitoring.selectors import alerts_for


class NotificationsView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(
        operation_id="notifications_list", parameters=NotificationQuery.parameters(), responses=NotificationPage
    )
    def get(self, request: Request) -> Response:
        """What was sent, waits or failed, newest first."""
        query: NotificationQuery = NotificationQuery.of(request)
        found = notifications_for(request.user).filter(**query.conditions())
        return Response(page(found, query, request, "created_at", partial(body_of, NotificationBody)))


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
        return Response(body_of(SilenceBody, silence), 201)


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
        return Response(page(found, query, request, "created_at", partial(body_of, SilenceBody)))

    @extend_schema(operation_id="silences_add", request=SilenceRequest, responses={201: SilenceBody})
    def post(self, request: Request) -> Response:
        """Notify no one of alerts of a camera, or with keys that begin so, for some time."""
        wanted = SilenceRequest.model_validate(request.data)
        camera = CameraName("", wanted.camera) if wanted.camera else None
        actor = request.user.get_username()
        silence = add_silence(
            actor, wanted.reason, wanted.for_s, key_prefix=wanted.key_prefix, camera=camera, pk=self.reserved_id
        )
        return Response(body_of(SilenceBody, silence), 201)


class EndSilenceView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(operation_id="silences_end", request=None, responses=SilenceBody)
    def post(self, request: Request, silence: UUID) -> Response:
        """End the silence now. One that has ended does not change."""
        found = silences_for(request.user).get(pk=silence)
        end_silence(found, request.user.get_username())
        return Response(body_of(SilenceBody, found))
