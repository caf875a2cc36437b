"""Views of a clip's file and poster."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from captures.files.host_files.client import HostAway
from captures.files.opened import FileMissing, StoredCopy
from captures.files.serving import Alert, ThumbnailQuery, raise_missing_alert, serve
from captures.files.thumbnails import read_or_render, thumbnail_response, thumbnails_of
from captures.mp4 import HEADER_VERSION
from captures.recordings.clips.api import ClipFileQuery
from captures.recordings.clips.models import Clip
from captures.recordings.clips.selectors import clips_for

# Part of the ETag: a browser must not combine its cached ranges with another version of the header.
FORM = f"faststart{HEADER_VERSION}"


class ClipFileView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(
        parameters=ClipFileQuery.parameters(),
        responses={(200, "video/mp4"): OpenApiTypes.BINARY, (206, "video/mp4"): OpenApiTypes.BINARY, 304: None},
    )
    def get(self, request: Request, clip: UUID) -> HttpResponseBase:
        """The clip's file. Supports Range, If-Range, If-None-Match and HEAD; the ETag is the SHA-256."""
        query: ClipFileQuery = ClipFileQuery.of(request)
        found = clips_for(request.user).get(pk=clip)
        origin = {"clip": str(found.pk)}
        response = serve_clip(
            request, found, query.form, alert=lambda message: raise_missing_alert(found, found.camera, message, origin)
        )
        response.headers["Content-Disposition"] = content_disposition_header(query.download, found.filename) or "inline"
        return response


def serve_clip(request: Request, clip: Clip | StoredCopy, form: str | None, *, alert: Alert) -> HttpResponseBase:
    """Serve the file; a clip that contains its index is served unchanged in each form. While its host is away, or its
    file is gone, the clip comes from its off-site copy, also unchanged."""
    try:
        head = clip_header(clip, request.user.get_username()) if form and not clip.is_offsite else b""
    except (FileMissing, HostAway):
        head = b""
    return serve(request, clip, head, FORM if head else "", alert=alert)


def clip_header(clip: Clip | StoredCopy, user: str) -> bytes:
    """The faststart header of the clip, which its host makes on the first request. Raises as
    `captures.files.thumbnails.thumbnail` while it is not available."""
    with thumbnails_of(clip) as store:
        return read_or_render(store, clip, lambda: store.read_head(clip.sha256), user)


class PosterView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(
        parameters=ThumbnailQuery.parameters(), responses={(200, "image/jpeg"): OpenApiTypes.BINARY, 304: None}
    )
    def get(self, request: Request, clip: UUID) -> HttpResponse:
        """A JPEG of the first key frame, at most `size` pixels on its longer side. 503 with Retry-After while it is
        being rendered, 404 with the reason if it cannot be."""
        size: int = ThumbnailQuery.of(request).size
        found = clips_for(request.user).get(pk=clip)
        return thumbnail_response(request, found, size)
