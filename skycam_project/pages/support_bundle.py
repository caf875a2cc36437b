"""The support bundle from the page Status. The web part makes it in memory: it needs no free disk and no jobs part."""

from __future__ import annotations

import io
import threading
import time

from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from core.background import log_and_continue
from core.events.service import record_event
from core.pages import Page, message_response
from skycam_project.cli.station import Station
from skycam_project.cli.support.bundle import collect_bundle

WITHIN_S = 45.0
"""Less than the minute after which proxies give up."""
BUSY = "A support bundle is being made already. Try again in a minute."
_running = threading.Lock()


class SupportBundlePage(Page):
    """As `skycam support-bundle` on this machine, for managers: it has events of all cameras and users."""

    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        # It may hold its memory and a processor for a minute: one at a time.
        if not _running.acquire(blocking=False):
            return message_response(request, "warn", BUSY)
        try:
            content = io.BytesIO()
            bundle = collect_bundle(Station(), WITHIN_S)
            bundle.write(content)
        finally:
            _running.release()
        # A database that takes no writes is a reason to ask for the bundle: the log has the failure then.
        with log_and_continue("the event of a support bundle"):
            record_event(
                "station.support_bundle",
                f"{self.actor} downloaded a support bundle.",
                camera=None,
                actor=self.actor,
                data={"bytes": content.tell(), "missing": sorted(bundle.missing)},
            )
        return download(content.getvalue())


def download(content: bytes) -> HttpResponse:
    name = time.strftime("skycam-support-%Y%m%d-%H%M%S.zip", time.gmtime())
    headers = {"Content-Disposition": str(content_disposition_header(True, name)), "Cache-Control": "no-store"}
    return HttpResponse(content, content_type="application/zip", headers=headers)
