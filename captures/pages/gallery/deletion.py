"""The page on which managers move a capture to the trash."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from captures.capturing.models import Capture
from captures.capturing.selectors import captures_for
from captures.storage.trash.services import CaptureKept, trash_capture
from core.pages.page import Page, is_htmx_request
from core.pages.redirects import redirect_to
from core.station_settings.values import retention_config


class DeletePage(Page):
    """Shows the files of a capture, and moves it to the trash."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "captures/delete.html"

    def get(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        return self.render_page(self.capture())

    def post(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        found = self.capture()
        try:
            trash_capture(found, self.actor)
        except CaptureKept as error:
            return self.render_page(found, str(error), 409)
        messages.success(request, "The picture is in the trash.")
        return redirect_to(request, reverse("picture", args=[found.pk]))

    def capture(self) -> Capture:
        """Http404 also for a capture without files, one in the trash, or one that the user may not see."""
        found = captures_for(self.request.user).filter(pk=self.kwargs["capture"]).first()
        if found is None or not found.files.all():
            raise Http404("No such picture.")
        return found

    def render_page(self, capture: Capture, refusal: str = "", status: int = 200) -> HttpResponse:
        template = "captures/_delete.html" if is_htmx_request(self.request) else self.template
        context = {"capture": capture, "refusal": refusal, "days": retention_config().trash_days}
        return self.render(context, template, status)
