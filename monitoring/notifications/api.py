"""The route that silences an alert, and EXCEPTIONS: the problems for the exceptions of notifications. The routes of
silences and of what was sent are derived."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.problems import ExceptionTable, from_message
from core.events.selectors import alerts_for
from core.idempotency.view import IdempotentView
from core.resources.resource import body_of
from monitoring.notifications.resource import SilenceAlertRequest, SilenceBody
from monitoring.notifications.silences import TooManySilences, silence_alert

EXCEPTIONS: ExceptionTable = {
    TooManySilences: from_message("too-many-silences"),
}


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
