"""Pin, unpin and delete a clip from its page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from captures.days.day import Day
from captures.recordings.clips.models import Clip
from captures.recordings.clips.player import ClipPageBase
from captures.recordings.clips.services import ClipHeld, delete_clip, hold_reasons, pin_clip
from core.pages.page import is_htmx_request, message_response
from core.pages.redirects import redirect_to


class PinPage(ClipPageBase):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, clip: UUID) -> HttpResponse:
        """Pin or unpin the clip, as the form says."""
        found, pinned = self.clip(), request.POST.get("pinned") == "yes"
        pin_clip(found, pinned, self.actor)
        changed = self.clip()
        if is_htmx_request(request):
            wide = request.POST.get("wide") == "yes"
            return self.render({"clip": changed, "wide": wide}, "clips/_pin.html")
        return message_response(request, "ok", "Pinned: nothing deletes it." if pinned else "Unpinned.")


class DeletePage(ClipPageBase):
    """Asks for confirmation with what will be lost, and deletes the clip."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "clips/delete.html"

    def get(self, request: HttpRequest, clip: UUID) -> HttpResponse:
        return self.render_page(self.clip())

    def post(self, request: HttpRequest, clip: UUID) -> HttpResponse:
        found = self.clip()
        try:
            delete_clip(found, self.actor)
        except ClipHeld as error:
            return self.render_page(found, str(error), 409)
        # Someone else deleted it since this request found it.
        except Clip.DoesNotExist:
            raise Http404("No such clip.") from None
        messages.success(request, f"Deleted: {found.filename}.")
        day = Day.of(found.started_at, "day").date
        return redirect_to(request, f"{reverse('clips')}?camera={found.camera.slug}&day={day}")

    def render_page(self, clip: Clip, refusal: str = "", status: int = 200) -> HttpResponse:
        template = "clips/_delete.html" if is_htmx_request(self.request) else self.template
        held = hold_reasons(clip, list(clip.holds.all()))
        return self.render({"clip": clip, "held": held, "refusal": refusal}, template, status)
