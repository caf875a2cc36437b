"""The API of the trash."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from drf_spectacular.utils import extend_schema
from pydantic import ConfigDict, Field, StrictBool
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from cameras.resource import CameraFilter
from cameras.selectors import camera_condition
from captures.capturing.answers import CaptureBody, CapturePage
from captures.capturing.models import Capture
from captures.capturing.selectors import all_captures_for, trash_for
from captures.storage.trash.services import pin_capture, restore_capture, trash_capture
from core.api.model import StrictModel
from core.api.paging import page
from core.api.queries import PageQuery
from core.idempotency.view import IdempotentView
from core.resources.resource import body_of


class PinCaptureBody(StrictModel):
    model_config = ConfigDict(extra="forbid")

    pinned: Annotated[StrictBool, Field(description="Nothing deletes a pinned capture.")]


class TrashQuery(PageQuery):
    camera: CameraFilter = None


class CaptureDetailView(APIView):
    roles = {"GET": "viewer", "PATCH": "operator", "DELETE": "manager"}

    @extend_schema(responses=CaptureBody)
    def get(self, request: Request, capture: UUID) -> Response:
        """The capture, also while it is in the trash."""
        return Response(body_of(CaptureBody, self.capture(capture)))

    @extend_schema(request=PinCaptureBody, responses=CaptureBody)
    def patch(self, request: Request, capture: UUID) -> Response:
        """Pin the capture, so that nothing deletes it, or unpin it."""
        found = self.capture(capture)
        pin_capture(found, PinCaptureBody.model_validate(request.data).pinned, actor(request))
        return Response(body_of(CaptureBody, self.capture(capture)))

    @extend_schema(responses=CaptureBody)
    def delete(self, request: Request, capture: UUID) -> Response:
        """Move the capture to the trash, from which it can be restored for `retention.trash_days`. 409 while it is
        pinned, or belongs to an experiment that is not archived."""
        trash_capture(self.capture(capture), actor(request))
        return Response(body_of(CaptureBody, self.capture(capture)))

    def capture(self, capture: UUID) -> Capture:
        return all_captures_for(self.request.user).get(pk=capture)


class RestoreView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=CaptureBody)
    def post(self, request: Request, capture: UUID) -> Response:
        """Take the capture out of the trash. 409 when it is not there any more."""
        restore_capture(all_captures_for(request.user).get(pk=capture), actor(request))
        return Response(body_of(CaptureBody, all_captures_for(request.user).get(pk=capture)))


class TrashView(APIView):
    """Captures in the trash, newest in the trash first."""

    roles = {"GET": "manager"}

    @extend_schema(operation_id="captures_trash", parameters=TrashQuery.parameters(), responses=CapturePage)
    def get(self, request: Request) -> Response:
        query: TrashQuery = TrashQuery.of(request)
        captures = trash_for(request.user).filter(**camera_condition(request.user, query.camera))
        return Response(page(captures, query, request, "trashed_at", partial(body_of, CaptureBody)))
