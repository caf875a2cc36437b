"""What managers do with single captures: delete their files. The row stays, as the outcome of what was planned."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from cameras.runtime.storage import RootMissing
from captures.clips.player import leave
from captures.files import OnOtherHost
from captures.models import Capture, CaptureFile
from captures.recording.removal import delete_file, opened
from captures.selectors import captures_for
from monitoring.page import Page, is_htmx_request
from monitoring.services import record_event


class NotDeleted(Exception):
    """Some files are still there; the message says why. Deleting again goes on with those."""


def delete_pictures(capture: Capture, actor: str) -> None:
    """The files of a capture, with what was drawn of them.

    First the capture says that this was asked for, then the files go, then their rows: after a kill in between the rows
    are still there, and deleting again goes on. Raises OnOtherHost or NotDeleted.
    """
    files = list(CaptureFile.objects.select_related("root").filter(capture=capture))
    for file in files:
        if file.host != settings.STATION.host:
            raise OnOtherHost(file)
    now = f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC"
    _say(
        capture, f"{actor} asked at {now} for its picture to be deleted. That has not come to its end: delete it again."
    )
    for file in files:
        _remove(file)
    with transaction.atomic():
        CaptureFile.objects.filter(pk__in=[file.pk for file in files]).delete()
        _say(capture, f"{actor} deleted its picture at {now}.")
        _record(capture, files, actor)


def _say(capture: Capture, message: str) -> None:
    Capture.objects.filter(pk=capture.pk).update(message=message)


def _record(capture: Capture, files: Sequence[CaptureFile], actor: str) -> None:
    data = [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in files]
    record_event(
        "capture.deleted",
        f"{actor} deleted the picture of {capture.camera.name} of {capture.started_at:%Y-%m-%d %H:%M:%S} UTC.",
        camera=capture.camera, subject=capture.pk, actor=actor, data={"files": data},
    )  # fmt: skip


def _remove(file: CaptureFile) -> None:
    try:
        with opened(file.root) as root:
            delete_file(root, file.path, file.sha256)
    except RootMissing as error:
        raise NotDeleted(str(error)) from error
    except OSError as error:
        raise NotDeleted(f"{file.path} cannot be deleted: {error.strerror}. Look at the disk.") from error


class DeletePage(Page):
    """What would be lost, and the deletion itself."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "captures/delete.html"

    def get(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        return self.answer(self.capture())

    def post(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        found = self.capture()
        try:
            delete_pictures(found, self.actor)
        except (OnOtherHost, NotDeleted) as error:
            return self.answer(self.capture(), str(error), 409)
        messages.success(request, "The picture is deleted.")
        return leave(request, reverse("picture", args=[found.pk]))

    def capture(self) -> Capture:
        """404 also without a file, and when the user may not see it."""
        found = captures_for(self.request.user).filter(pk=self.kwargs["capture"]).first()
        if found is None or not found.files.all():
            raise Http404("No such picture.")
        return found

    def answer(self, capture: Capture, refusal: str = "", status: int = 200) -> HttpResponse:
        template = "captures/_delete.html" if is_htmx_request(self.request) else self.template
        return self.render({"capture": capture, "refusal": refusal}, template, status)
