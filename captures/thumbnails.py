"""One view serves thumbnails: what is there at once, what is not yet drawn after its host has drawn it."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.utils.module_loading import import_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from kombu.exceptions import OperationalError
from rest_framework.request import Request
from rest_framework.views import APIView

from cameras import broker
from cameras.broker import BrokerDown
from captures.files import ASKED_ANEW, OnOtherHost, Stored, check_size, open_below
from captures.models import CaptureFile
from captures.ranges import not_modified
from captures.selectors import picture_for
from captures.serializers import ThumbnailQuery
from captures.stills.thumbnails import ThumbnailStore
from core.wait_limiter import TooManyWaiting, WaitLimiter

WAIT_S = 2.0
LOOK_S = 0.05
WAITING = WaitLimiter("a thumbnail", most=16, most_per_user=8)
ASKED_S = 5
"""How long a host that was asked for a thumbnail is not asked again."""


class NoThumbnail(Exception):
    """The file was tried and cannot be drawn; the message says why."""


class NotDrawnYet(Exception):
    def __init__(self) -> None:
        super().__init__("It is being made. Ask again in a moment.")


class ThumbnailView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(
        parameters=ThumbnailQuery.parameters(), responses={(200, "image/jpeg"): OpenApiTypes.BINARY, 304: None}
    )
    def get(self, request: Request, capture: UUID) -> HttpResponse:
        """A JPEG whose longest side has at most `size` pixels. 503 with Retry-After while it is being drawn."""
        size: int = ThumbnailQuery.of(request).size
        file = picture_for(request.user, capture)
        headers = {"ETag": f'"{file.sha256}-{size}"', "Cache-Control": ASKED_ANEW}
        if not_modified(request.headers, headers["ETag"], time.time()):
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(
            thumbnail(file, size, request.user.get_username()), content_type="image/jpeg", headers=headers
        )


def thumbnail(file: Stored, size: int, user: str) -> bytes:
    """OnOtherHost, FileMissing, NoThumbnail, NotDrawnYet, or BrokerDown where it would have to be drawn."""
    if file.host != settings.STATION.host:
        raise OnOtherHost(file)
    with ThumbnailStore(file.root.path) as store:
        return made(store, file, lambda: store.read(file.sha256, size), user)


def made(store: ThumbnailStore, file: Stored, look: Callable[[], bytes | None], user: str) -> bytes:
    """What `look` finds, at once or after the file's host has made it. As `thumbnail`. Where too many wait already, it
    is asked for and not waited for."""
    found = look()
    if found is not None:
        return found
    check_drawable(store, file)
    ask_for(file)
    try:
        with WAITING.slot(user):
            return wait_for(store, file, look)
    except TooManyWaiting:
        raise NotDrawnYet from None


def check_drawable(store: ThumbnailStore, file: Stored) -> None:
    """NoThumbnail, or FileMissing: its host would never draw what is not the stored file."""
    if why := store.refusal(file.sha256):
        raise NoThumbnail(why)
    found = open_below(file.root.path, file.path)
    try:
        check_size(found, file)
    finally:
        found.close()


def ask_for(file: Stored) -> None:
    """A task on the queue of the file's host, once in a while for all who ask. BrokerDown."""
    with broker.reachable() as server:
        if not server.set(broker.key("thumbnail", file.sha256), 1, nx=True, ex=ASKED_S):
            return
    send_order(file)


def send_order(file: Stored) -> None:
    """BrokerDown, also where the broker hangs: by itself Celery would wait for as long as that lasts."""
    app = import_string(settings.CELERY_APP)
    task = "captures.draw" if isinstance(file, CaptureFile) else "captures.draw_clip"
    try:
        with app.connection_for_write(transport_options={"socket_timeout": broker.ANSWER_S}) as connection:
            queue = f"files.{file.host}"
            app.send_task(task, (str(file.pk),), queue=queue, ignore_result=True, connection=connection, retry=False)
    except (OperationalError, RuntimeError, *broker.UNREACHABLE) as error:
        raise BrokerDown from error


def wait_for(store: ThumbnailStore, file: Stored, look: Callable[[], bytes | None]) -> bytes:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        time.sleep(LOOK_S)
        found = look()
        if found is not None:
            return found
        if why := store.refusal(file.sha256):
            raise NoThumbnail(why)
    raise NotDrawnYet
