"""The bases of the API's views and of the pages of one camera."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from cameras.errors import CommandRefused
from cameras.models import Camera
from cameras.selectors import camera_for, primary_camera_for
from core.pages import Page
from core.templatetags.skycam import clock_text
from core.text.sentences import join_sentences


def actor(request: Request) -> str:
    return str(request.user.get_username())


class CameraView(APIView):
    """A view of the camera in the URL; of the primary camera where the URL names none."""

    def camera(self) -> Camera:
        if slug := self.kwargs.get("slug"):
            return camera_for(self.request.user, slug)
        return primary_camera_for(self.request.user)


def refusal(error: Exception, *cameras: Camera) -> str:
    """The error as pages of these cameras show it, which the reader may see: with their names and local times."""
    if isinstance(error, CommandRefused):
        sentences: list[str] = [error.with_time(clock_text(error.since))]
    else:
        sentences = error.messages if isinstance(error, ValidationError) else [str(error)]
    return join_sentences(sentences).with_names({str(camera.pk): camera.name for camera in cameras})


class CameraPage(Page):
    """A page of the camera in the URL."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Camera.DoesNotExist:
            # Not 403, which would reveal that the camera exists.
            raise Http404 from None

    def camera(self) -> Camera:
        """Camera.DoesNotExist also for a camera that the user may not see."""
        return camera_for(self.request.user, self.kwargs["slug"])
