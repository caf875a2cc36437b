"""The requests of an experiment's page to archive it and to verify its archive."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from captures.pages.experiments.pages import ExperimentPageBase
from captures.roots.roots import UnusableRoot
from captures.storage.archives.selectors import archives_for
from captures.storage.archives.services import request_archive
from captures.storage.archives.verification import request_verification
from core.pages.page import message_response


class ArchiveExperimentPage(ExperimentPageBase):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        """Archive it, or what it has got since."""
        try:
            request_archive(self.experiment(), actor=self.actor, user=request.user)
        except UnusableRoot as error:
            return message_response(request, "bad", str(error))
        return message_response(request, "ok", "The experiment is being archived.")


class VerifyArchivePage(ExperimentPageBase):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        """Read all files of its archive again."""
        archive = archives_for(request.user).filter(experiment=self.experiment()).first()
        if archive is None:
            return message_response(request, "bad", "The experiment has no archive yet. Archive it first.")
        request_verification(archive, self.actor, user=request.user)
        return message_response(request, "ok", "The archive is being verified. Its progress is on the page Jobs.")
