"""Files served from their off-site copies."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.request import Request

from captures.files.serving import Served


def serve_copy(_request: Request, _row: Served) -> HttpResponse | StreamingHttpResponse | None:
    return None
