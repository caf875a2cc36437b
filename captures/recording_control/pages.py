"""Start and stop a camera's recording on its page and its card."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from cameras.camera_page import CameraPage, refusal
from cameras.leases.lease_holders import LeaseHeld
from captures.recording_control.commands import RecordingDeferred, record, stop_recording
from core.pages.page import message_response
from core.text.naming import with_names


class RecordPage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Start recording and show the outcome."""
        camera = self.camera()
        try:
            record(camera, request.POST.get("kind", ""), self.actor)
        except LeaseHeld as error:
            return message_response(request, "bad", refusal(error, camera))
        except RecordingDeferred as error:
            return message_response(request, "warn", refusal(error, camera))
        except ValidationError as error:
            return message_response(request, "bad", with_names(" ".join(error.messages), {slug: camera.name}))
        return message_response(request, "ok", "Recording.")


class StopRecordingPage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Stop recording; the last clip is finalized by then."""
        camera = self.camera()
        try:
            stop_recording(camera, self.actor)
        except LeaseHeld as error:
            return message_response(request, "bad", refusal(error, camera))
        except RecordingDeferred as error:
            return message_response(request, "warn", refusal(error, camera))
        return message_response(request, "ok", "Recording stopped. The last clip is saved.")
