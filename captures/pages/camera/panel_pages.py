"""Exposure control on the camera's page, which is refreshed less often than the rest of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cameras.camera_page import CameraPage
from cameras.models import Camera
from captures.pages.camera.exposure_panel import exposure_panel


class ExposurePage(CameraPage):
    template = "cameras/_exposure_now.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self.render({**exposure_context(self.camera()), "oob": True})


def exposure_context(camera: Camera) -> dict[str, Any]:
    return {"camera": camera, "panel": exposure_panel(camera, timezone.now())}
