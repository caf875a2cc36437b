"""Live pictures over the API, for clients without WebSockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from cameras.camera_view import CameraView, actor
from cameras.errors import ControlError
from cameras.live.mjpeg import CONTENT_TYPE, open_stream, stream_parts
from cameras.live.snapshot_limiter import has_pictures, next_picture
from cameras.tables import ACCESS
from core.api.queries import Query
from core.registry import resolve

FRAME_WAIT_S = 3.0
NOT_KEPT = {"Cache-Control": "no-store"}


class FrameQuery(Query):
    quality: Literal["low", "medium", "high"] = "medium"


class FrameView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=FrameQuery.parameters(), responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """The newest picture of the live view. 429 when you have reached your limit, or too many requests wait."""
        camera = self.camera()
        picture = next_picture(camera.slug, FrameQuery.of(request).quality, FRAME_WAIT_S, actor(request))
        if picture is None:
            raise no_picture()
        return HttpResponse(picture.jpeg, content_type="image/jpeg", headers=NOT_KEPT)


class StreamView(CameraView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=FrameQuery.parameters(), responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Live pictures as one endless response (MJPEG), for clients without WebSockets. It ends when the pictures end.
        503 when the limit of viewers is reached."""
        camera, quality = self.camera(), FrameQuery.of(request).quality
        # Before the first byte: a response that has begun cannot become a problem.
        if not has_pictures(camera.slug, quality, FRAME_WAIT_S, actor(request)):
            raise no_picture()
        # Django answers HEAD with `get`, without its body: the stream would run on with no reader.
        if request.method == "HEAD":
            return HttpResponse(content_type=CONTENT_TYPE, headers=NOT_KEPT)
        principal = resolve(ACCESS["principal"])(lower_case(request.headers))
        stream = open_stream(slug, quality, principal, actor(request), request.META.get("REMOTE_ADDR") or "")
        return StreamingHttpResponse(stream_parts(stream), content_type=CONTENT_TYPE, headers=NOT_KEPT)


def no_picture() -> ControlError:
    return ControlError(f"The camera gave no picture within {FRAME_WAIT_S:g} s. See `status/`.")


def lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
