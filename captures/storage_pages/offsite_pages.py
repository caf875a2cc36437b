"""Add, test, pause and resume a destination of off-site copies, and try its dead copies again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from captures.offsite import copy_rows
from captures.offsite.copy_states import CopyState
from captures.offsite.destinations.settings import DESTINATION_KINDS, DestinationKind
from captures.offsite.models import Destination, OffsiteCopy
from captures.offsite.resource import DESTINATIONS, DestinationChange
from captures.offsite.services import change_destination, start_test
from captures.storage_pages.destination_forms import DestinationForm
from captures.storage_pages.labels import CLASS_LABELS
from captures.storage_pages.offsite import destination_displays
from captures.storage_pages.paging import page_of as page_of_rows
from core.pages.page import Page, message_response
from core.resources.forms import ModelForm
from core.resources.pages import FormPage, page_of


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
        copies, older = page_of_rows(dead, "created_at", request)
        labels: dict[str, Any] = CLASS_LABELS
        return self.render({"display": display, "copies": copies, "older": older, "labels": labels})


class AddDestinationPage(FormPage):
    """The form of one kind, which is in the address."""

    template = "storage/add_destination.html"

    def form(self, row: Any, data: Any = None) -> ModelForm:
        """Http404."""
        kind = self.request.GET.get("kind", DestinationKind.FOLDER)
        if kind not in DESTINATION_KINDS:
            raise Http404("There is no such kind of destination.")
        return DestinationForm(kind, data, user=self.request.user)

    def show(self, form: ModelForm, status: int = 200) -> HttpResponse:
        answer = super().show(form, status)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def context(self) -> dict[str, Any]:
        return {"kinds": DESTINATIONS.form_kinds()}

    def follow(self, row: Any) -> HttpResponse:
        return redirect("destination", row.pk)


add_destination_page = page_of(AddDestinationPage, DESTINATIONS, "add", "storage")


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
        copy_rows.try_now(found)
        moved = copy_rows.retry_dead(found.copies.all(), self.actor)
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
        if copy_rows.retry_dead(OffsiteCopy.objects.filter(pk=copy), self.actor):
            return message_response(request, "ok", f"{found.path} is queued again.")
        found.refresh_from_db()
        return message_response(request, "warn", f"{found.path} is not dead any more: it is {found.state}.")
