"""The API of a camera's recording, and its claims as bodies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import CameraView, actor
from cameras.models import Camera
from captures.recordings.claims.models import RecordingClaim
from captures.recordings.claims.services import is_suspended
from captures.recordings.control.commands import Experiments, RecordingBody, record, stop_recording
from core.idempotency.view import IdempotentView
from core.resources.fields import Fields
from core.resources.resource import body_of
from core.resources.values import Id
from core.times.timestamps import Stamp


class RecordBody(Fields):
    kind: Literal["rolling", "manual"] = Field(
        "rolling", description="Retention deletes old rolling clips, never manual ones. Without it: the current kind."
    )

    @property
    def named(self) -> str:
        """The requested kind; empty without one."""
        # The default is for the schema: without a kind a running recording keeps its own, and manual clips stay manual.
        return self.kind if "kind" in self.model_fields_set else ""


class StopRecordingBody(Fields):
    kind: Annotated[
        Literal["rolling", "manual"] | None, Field(description="Ends only the request for clips of this kind.")
    ] = None
    experiments: Annotated[
        Experiments,
        Field(
            description="What happens to experiments that record the camera. `ask`: the request is refused and names "
            "them; `keep`: they go on; `suspend`: their recording stops too, until the camera is recorded again, and "
            "their account shows the gap."
        ),
    ] = "ask"


class ExperimentName(Fields):
    id: Id
    name: str


class ClaimFacts(Fields):
    kind: str
    by: str
    since: Stamp
    experiment: ExperimentName | None


class ClaimBody(ClaimFacts):
    """One reason to record a camera. `experiment` is null for people's; `suspended`: an operator has stopped it."""

    suspended: bool


class ClaimsBody(Fields):
    """`desired` is the kind of clips that follows from the claims; null for none."""

    camera: str
    desired: str | None
    claims: list[ClaimBody]


def claims_body(camera: Camera) -> dict[str, Any]:
    """See `ClaimsBody`."""
    claims = RecordingClaim.objects.standing().filter(camera=camera)
    found = claims.select_related("experiment").prefetch_related("suspensions")
    listed = [{**body_of(ClaimFacts, claim), "suspended": is_suspended(claim)} for claim in found]
    return {"camera": camera.slug, "desired": camera.recording or None, "claims": listed}


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
