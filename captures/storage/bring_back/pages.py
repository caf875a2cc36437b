"""The buttons that bring files back from their off-site copies: of a capture, and of an archive."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse

from captures.capturing.selectors import captures_for
from captures.experiments.selectors import sees_all
from captures.storage.archives.selectors import archives_for
from captures.storage.bring_back.planning import NoSpace, start_bring_back
from captures.storage.bring_back.selection import DAYS, BringBackRequest
from core.pages.page import Page, message_response


class BringBackPage(Page):
    def start(self, wanted: BringBackRequest) -> HttpResponse:
        """Bring the files back, as a job on each of their hosts."""
        try:
            _, jobs = start_bring_back(wanted, self.actor)
        except NoSpace as error:
            return message_response(self.request, "bad", str(error))
        if not jobs:
            return message_response(self.request, "warn", "No file is only off-site with a verified copy.")
        return message_response(
            self.request, "ok", f"The files come back, and stay for {DAYS} days. Their progress is on the page Jobs."
        )


class BringCaptureBackPage(BringBackPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        found = captures_for(request.user).filter(pk=capture).first()
        if found is None:
            raise Http404("No such capture.")
        return self.start(BringBackRequest(capture=found.pk))


class BringArchiveBackPage(BringBackPage):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, archive: UUID) -> HttpResponse:
        found = archives_for(request.user).filter(pk=archive).first()
        if found is None or not sees_all(request.user, found.experiment):
            raise Http404("No such archive.")
        return self.start(BringBackRequest(archive=found.pk))
