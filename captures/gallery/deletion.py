"""Managers delete the files of a capture. Its row stays, with its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from cameras.spool.storage import RootMissing
from captures.capturing.models import Capture, CaptureFile
from captures.capturing.selectors import captures_for
from captures.clips.deletion import delete_file, open_root
from captures.files.serving import OnOtherHost
from core.pages.page import Page, is_htmx_request
from core.pages.redirects import redirect_to
from monitoring.services import record_event


class NotDeleted(Exception):
    """Some files were not deleted; the message says why. Deleting again continues with them."""


def delete_pictures(capture: Capture, actor: str) -> None:
    """Delete the files of a capture and their thumbnails.

    The request is first written to the capture's message; then the files are deleted, then their rows. After a kill in
    between the rows still exist, and deleting again continues. Raises OnOtherHost or NotDeleted.
    """
    files = list(CaptureFile.objects.select_related("root").filter(capture=capture))
    # Before the first change: this host cannot delete the files of another, and a capture must not lose only some.
    for file in files:
        if file.host != settings.STATION.host:
            raise OnOtherHost(file)
    now = f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC"
    _set_message(
        capture, f"{actor} requested the deletion of its picture at {now}. It is not complete: delete it again."
    )
    for file in files:
        _delete_file(file)
    with transaction.atomic():
        CaptureFile.objects.filter(pk__in=[file.pk for file in files]).delete()
        _set_message(capture, f"{actor} deleted its picture at {now}.")
        _record_deletion(capture, files, actor)


def _set_message(capture: Capture, message: str) -> None:
    # Not save(), which would write back the other columns as they were read.
    Capture.objects.filter(pk=capture.pk).update(message=message)


def _record_deletion(capture: Capture, files: Sequence[CaptureFile], actor: str) -> None:
    data = [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in files]
    record_event(
        "capture.deleted",
        f"{actor} deleted the picture of {capture.camera.name} of {capture.started_at:%Y-%m-%d %H:%M:%S} UTC.",
        camera=capture.camera, subject=capture.pk, actor=actor, data={"files": data},
    )  # fmt: skip


def _delete_file(file: CaptureFile) -> None:
    try:
        with open_root(file.root) as root:
            delete_file(root, file.path, file.sha256)
    except RootMissing as error:
        raise NotDeleted(str(error)) from error
    except OSError as error:
        raise NotDeleted(f"{file.path} cannot be deleted: {error.strerror}. Check the disk.") from error


class DeletePage(Page):
    """Shows the files to delete, and deletes them."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "captures/delete.html"

    def get(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        return self.render_page(self.capture())

    def post(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        found = self.capture()
        try:
            delete_pictures(found, self.actor)
        except (OnOtherHost, NotDeleted) as error:
            # Read again: its message has changed.
            return self.render_page(self.capture(), str(error), 409)
        messages.success(request, "The picture is deleted.")
        return redirect_to(request, reverse("picture", args=[found.pk]))

    def capture(self) -> Capture:
        """Http404 also for a capture without files, or one that the user may not see."""
        found = captures_for(self.request.user).filter(pk=self.kwargs["capture"]).first()
        if found is None or not found.files.all():
            raise Http404("No such picture.")
        return found

    def render_page(self, capture: Capture, refusal: str = "", status: int = 200) -> HttpResponse:
        template = "captures/_delete.html" if is_htmx_request(self.request) else self.template
        return self.render({"capture": capture, "refusal": refusal}, template, status)
