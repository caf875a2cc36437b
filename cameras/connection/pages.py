"""The buttons that connect and disconnect a camera."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from cameras.camera_display import STATE_DISPLAYS
from cameras.camera_view import CameraPage, refusal
from cameras.connection.service import connect
from cameras.errors import UNREACHED
from core.pages.page import message_response


class ConnectPage(CameraPage):
    roles = {"POST": "operator"}
    connected = True

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Set whether the camera should be connected, and show the result."""
        camera = self.camera()
        try:
            observed = connect(camera, self.connected, self.actor)["observed"]
        except UNREACHED as error:
            return message_response(request, "bad", refusal(error, camera))
        return message_response(request, "ok", f"{camera.name}: {STATE_DISPLAYS[observed].label.lower()}.")
