"""The base of the API's views of one camera."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.views import APIView

from cameras.models import Camera
from cameras.selectors import camera_for, primary_camera_for


def actor(request: Request) -> str:
    return str(request.user.get_username())


class CameraView(APIView):
    """A view of the camera in the URL; of the primary camera where the URL names none."""

    def camera(self) -> Camera:
        if slug := self.kwargs.get("slug"):
            return camera_for(self.request.user, slug)
        return primary_camera_for(self.request.user)
