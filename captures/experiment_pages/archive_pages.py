"""The requests of an experiment's page to archive it and to verify its archive."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from captures.archives.selectors import archives_for
from captures.archives.services import request_archive
from captures.archives.verification import request_verification
from captures.experiment_pages.display import NOT_ALL_SEEN
from captures.experiment_pages.pages import ExperimentPageBase
from captures.experiments.selectors import sees_all
from captures.storage.roots import UnusableRoot
from core.pages.page import message_response


class ArchiveExperimentPage(ExperimentPageBase):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        """Archive it, or what it has got since."""
        found = self.experiment()
        if not sees_all(request.user, found):
            raise PermissionDenied(NOT_ALL_SEEN)
        try:
            request_archive(found, actor=self.actor)
        except UnusableRoot as error:
            return message_response(request, "bad", str(error))
        return message_response(request, "ok", "The experiment is being archived.")


class VerifyArchivePage(ExperimentPageBase):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        """Read all files of its archive again."""
        found = self.experiment()
        if not sees_all(request.user, found):
            raise PermissionDenied(NOT_ALL_SEEN)
        archive = archives_for(request.user).filter(experiment=found).first()
        if archive is None:
            return message_response(request, "bad", "The experiment has no archive yet. Archive it first.")
        request_verification(archive, self.actor)
        return message_response(request, "ok", "The archive is being verified. Its progress is on the page Jobs.")
