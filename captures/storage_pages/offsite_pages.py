"""Add, test, pause and resume a destination of off-site copies, and try its dead copies again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from captures.offsite import queue
from captures.offsite.models import CopyState, Destination, DestinationKind, OffsiteCopy
from captures.offsite.requests import DestinationChange
from captures.offsite.services import add_destination, change_destination, start_test
from captures.storage_pages.destination_forms import FORMS, DestinationForm
from captures.storage_pages.labels import CLASS_LABELS
from captures.storage_pages.offsite import KINDS, destination_displays
from captures.storage_pages.paging import page_of
from core.pages.page import Page, message_response


def found_destination(pk: UUID) -> Destination:
    """Http404."""
    found = Destination.objects.prefetch_related("hosts").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such destination.")
    return found


class DestinationPage(Page):
    """A destination with its dead copies."""

    roles = {"GET": "manager"}
    template = "storage/destination.html"

    def get(self, request: HttpRequest, destination: UUID) -> HttpResponse:
        found = found_destination(destination)
        [display] = destination_displays([found])
        dead = OffsiteCopy.objects.filter(destination=found, state=CopyState.DEAD.value)
        copies, older = page_of(dead, "created_at", request)
        labels: dict[str, Any] = CLASS_LABELS
        return self.render({"display": display, "copies": copies, "older": older, "labels": labels})


class AddDestinationPage(Page):
    """The form of one kind, which is in the address."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "storage/add_destination.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(self._form()())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self._form()(request.POST)
        form.full_clean()
        if form.request is None:
            return self._page(form, 400)
        try:
            made = add_destination(form.request, self.actor)
        except ValidationError as error:
            form.add_refusal(error)
            return self._page(form, 400)
        messages.success(request, f"{made.name} is added. Test it before you rely on it.")
        return redirect("destination", made.pk)

    def _form(self) -> type[DestinationForm]:
        """Http404."""
        found = FORMS.get(self.request.GET.get("kind", DestinationKind.FOLDER))
        if found is None:
            raise Http404("There is no such kind of destination.")
        return found

    def _page(self, form: DestinationForm, status: int = 200) -> HttpResponse:
        answer = self.render({"form": form, "kinds": KINDS}, status=status)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class TestDestinationPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, destination: UUID) -> HttpResponse:
        """Connect, write, read and remove a small file, as a job."""
        found = found_destination(destination)
        try:
            start_test(found, self.actor)
        except ValidationError as error:
            return message_response(request, "bad", " ".join(error.messages))
        return message_response(request, "ok", f"{found.name} is being tested. The result appears beside it.")


class SwitchDestinationPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, destination: UUID) -> HttpResponse:
        """Pause it or resume it: `enabled` is yes or no. Holds at once, also for the file that is being sent."""
        wanted = request.POST.get("enabled", "")
        if wanted not in {"yes", "no"}:
            return message_response(request, "bad", "Nothing was changed: the form says neither pause nor resume.")
        changed = change_destination(
            found_destination(destination), DestinationChange(enabled=wanted == "yes"), self.actor
        )
        if changed.enabled:
            return message_response(request, "ok", f"{changed.name} is resumed.")
        return message_response(request, "ok", f"{changed.name} is paused. Files still wait for their copies.")


class RetryDestinationPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, destination: UUID) -> HttpResponse:
        """Queue all its dead copies again, and try it now."""
        found = found_destination(destination)
        queue.try_now(found)
        moved = queue.retry_dead(found.copies.all(), self.actor)
        if not moved:
            return message_response(request, "warn", f"{found.name} has no dead copies any more. It is tried now.")
        copies = "1 dead copy" if moved == 1 else f"{moved:,} dead copies"
        return message_response(request, "ok", f"{copies} of {found.name} queued again.")


class RetryCopyPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, copy: UUID) -> HttpResponse:
        """Queue one dead copy again."""
        found = OffsiteCopy.objects.filter(pk=copy).first()
        if found is None:
            raise Http404("There is no such copy.")
        if queue.retry_dead(OffsiteCopy.objects.filter(pk=copy), self.actor):
            return message_response(request, "ok", f"{found.path} is queued again.")
        found.refresh_from_db()
        return message_response(request, "warn", f"{found.path} is not dead any more: it is {found.state}.")
