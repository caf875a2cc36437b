"""Start and stop a camera's recording, on its page and its card."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from cameras.leases import Held
from cameras.pages import CameraPage
from captures.recording.orders import Kept, record, stop_recording
from monitoring.page import said


class RecordPage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Record, and say what came of it."""
        try:
            record(self.camera(), request.POST.get("kind", ""), self.actor)
        except Held as error:
            return said(request, "bad", str(error))
        except Kept as error:
            return said(request, "warn", str(error))
        except ValidationError as error:
            return said(request, "bad", " ".join(error.messages))
        return said(request, "ok", "Recording.")


class StopRecordingPage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Stop recording; the last clip is in its place then."""
        try:
            stop_recording(self.camera(), self.actor)
        except Held as error:
            return said(request, "bad", str(error))
        except Kept as error:
            return said(request, "warn", str(error))
        return said(request, "ok", "Recording stopped; its last clip is kept.")
