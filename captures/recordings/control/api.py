from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView, actor
from captures.recordings.control.claim_bodies import ClaimsBody, claims_body
from captures.recordings.control.commands import RecordingBody, record, stop_recording
from captures.recordings.control.requests import RecordBody, StopRecordingBody
from core.idempotency.view import IdempotentView


class RecordView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=RecordBody, responses=RecordingBody)
    def post(self, request: Request, slug: str) -> Response:
        """Start recording; answers when the first frame is in a clip. Starting twice changes nothing. A problem says
        why the camera does not record yet; the request is stored nevertheless, unless someone else holds the camera."""
        wanted = RecordBody.model_validate(request.data)
        return Response(record(self.camera(), wanted.named, actor(request)))


class StopRecordingView(IdempotentView, CameraView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=StopRecordingBody, responses=RecordingBody)
    def post(self, request: Request, slug: str) -> Response:
        """Stop recording; answers when the last clip is finalized. Stopping twice changes nothing. 409
        `recording-claimed` while experiments record the camera, unless `experiments` says what happens to them."""
        wanted = StopRecordingBody.model_validate(request.data)
        return Response(stop_recording(self.camera(), actor(request), wanted.kind or "", wanted.experiments))


class RecordingView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=ClaimsBody)
    def get(self, request: Request, slug: str) -> Response:
        """Who wants the camera recorded."""
        return Response(claims_body(self.camera()))
