"""Serve thumbnails: stored, rendered on request, or a placeholder."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from kombu.exceptions import OperationalError
from rest_framework.request import Request
from rest_framework.views import APIView

from captures.capturing.models import CaptureFile
from captures.capturing.selectors import picture_for
from captures.files.answers import REVALIDATE, not_modified
from captures.files.host_files.client import RemoteThumbnails
from captures.files.opened import StoredCopy, open_below
from captures.files.serving import Served, ThumbnailQuery, check_size
from captures.thumbnails.store import SIZES, ThumbnailStore
from core.api.problems import mark_expected
from core.broker import broker
from core.broker.broker import BrokerDown
from core.broker.queues import files_queue
from core.deliveries.thread import QUICK
from core.limits.refusals import TooManyWaiting, WaitLimiter
from core.registry import resolve

WAIT_S = 2.0
POLL_S, REMOTE_POLL_S = 0.05, 0.2
WAITING = WaitLimiter("a thumbnail", most=16, most_per_user=8)
LARGEST = max(SIZES)
Thumbnails = ThumbnailStore | RemoteThumbnails
REQUEST_INTERVAL_S = 5
"""Seconds before the file's host is sent the same task again."""


class NoThumbnail(Exception):
    """Rendering was tried and failed; the message says why."""


class NotRenderedYet(Exception):
    def __init__(self) -> None:
        super().__init__("The thumbnail is being rendered. Try again in a few seconds.")


class ThumbnailView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(
        parameters=ThumbnailQuery.parameters(), responses={(200, "image/jpeg"): OpenApiTypes.BINARY, 304: None}
    )
    def get(self, request: Request, capture: UUID) -> HttpResponse:
        """A JPEG whose longest side has at most `size` pixels. 503 with Retry-After while it is being rendered."""
        size: int = ThumbnailQuery.of(request).size
        return thumbnail_response(request, picture_for(request.user, capture), size)


def thumbnail_response(request: Request, file: Served, size: int) -> HttpResponse:
    """Raises what `thumbnail` raises; a page gets a placeholder while it is being rendered."""
    headers = {"ETag": f'"{file.sha256}-{size}"', "Cache-Control": REVALIDATE}
    # A thumbnail has no date of its own: with the present time only the ETag decides.
    if not_modified(request.headers, headers["ETag"], time.time()):
        return HttpResponse(status=304, headers=headers)
    try:
        content = thumbnail(file, size, request.user.get_username())
    except NotRenderedYet:
        # A picture at full size says by itself that it is not rendered yet.
        if size == LARGEST or not wants_image(request):
            raise
        return placeholder_response(file)
    return HttpResponse(content, content_type="image/jpeg", headers=headers)


def thumbnail(file: Served, size: int, user: str) -> bytes:
    """HostAway, FileMissing, NoThumbnail, NotRenderedYet; BrokerDown when it would have to be rendered."""
    with thumbnails_of(file) as store:
        return read_or_render(store, file, lambda: store.read_thumbnail(file.sha256, size), user)


def thumbnails_of(file: Served) -> Thumbnails:
    """Those of the file's root, which its host has."""
    return ThumbnailStore(file.root.path) if file.host == settings.STATION.host else RemoteThumbnails(file)


def read_or_render(store: Thumbnails, file: Served, read: Callable[[], bytes | None], user: str) -> bytes:
    """The result of `read`, at once or after the file's host has rendered it. Raises what `thumbnail` raises. When too
    many requests wait already, rendering is requested and not waited for."""
    found = read()
    if found is not None:
        return found
    check_renderable(store, file)
    request_rendering(file)
    try:
        with WAITING.slot(user):
            return wait_for_rendering(store, file, read)
    except TooManyWaiting:
        raise NotRenderedYet from None


def check_renderable(store: Thumbnails, file: Served) -> None:
    """NoThumbnail; FileMissing when the file has changed: its host would never render it."""
    # Asked first: a file that failed is not sent to its host again.
    if why := store.read_failure(file.sha256):
        raise NoThumbnail(why)
    # Another host has said already whether it has the file.
    if isinstance(store, RemoteThumbnails):
        return
    found = open_below(file.root.path, file.path)
    try:
        check_size(found, file)
    finally:
        found.close()


def request_rendering(file: Served) -> None:
    """Queue a task for the file's host, at most once in REQUEST_INTERVAL_S for all requests. BrokerDown."""
    with broker.reachable() as server:
        if not server.set(broker.key("thumbnail", file.sha256), 1, nx=True, ex=REQUEST_INTERVAL_S):
            return
    send_render_task(file)


def send_render_task(file: Served) -> None:
    """BrokerDown, also when the broker hangs: without a timeout Celery would wait until it answers."""
    app, options = resolve(settings.CELERY_APP), QUICK | {"socket_timeout": broker.ANSWER_S}
    try:
        with app.connection_for_write(transport_options=options) as connection:
            task, queue = render_task(file), files_queue(file.host)
            app.send_task(task, (str(file.pk),), queue=queue, ignore_result=True, connection=connection, retry=False)
    except (OperationalError, RuntimeError, *broker.UNREACHABLE) as error:
        raise BrokerDown from error


def render_task(file: Served) -> str:
    """The task of `captures/tasks.py` for this kind of file."""
    if isinstance(file, StoredCopy):
        return "captures.render_archived"
    return "captures.render_file" if isinstance(file, CaptureFile) else "captures.render_clip"


def wait_for_rendering(store: Thumbnails, file: Served, read: Callable[[], bytes | None]) -> bytes:
    deadline = time.monotonic() + WAIT_S
    poll_s = REMOTE_POLL_S if isinstance(store, RemoteThumbnails) else POLL_S
    while time.monotonic() < deadline:
        # Polls the disk: the jobs part of its host renders there, and no message has to arrive.
        time.sleep(poll_s)
        found = read()
        if found is not None:
            return found
        if why := store.read_failure(file.sha256):
            raise NoThumbnail(why)
    raise NotRenderedYet


LONGER_SIDE = 16
"""No thumbnail is so small: `static/js/thumbnails.js` knows the placeholder by it."""
DEFAULT_SHAPE = 4, 3
PLACEHOLDER_HEADERS = {"Retry-After": "2", "Cache-Control": "no-store"}
# The greys of the surface behind pictures, which is the same in all themes. A picture has no styles of the page.
DRAWING = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width:.2f}" height="{height:.2f}"
  viewBox="0 0 {width:.2f} {height:.2f}">
<rect width="100%" height="100%" fill="#272c35"/>
<text x="50%" y="50%" fill="#9199a6" font-family="sans-serif" font-size="1.5" text-anchor="middle">Being rendered</text>
</svg>
"""


def wants_image(request: Request) -> bool:
    """Whether an `img` of a page asks. Programs get a problem."""
    return "image/" in request.headers.get("Accept", "")


def placeholder_response(file: Served) -> HttpResponse:
    """A grey picture of the file's shape. 503, so that it is kept by no cache and taken for no thumbnail; browsers show
    a picture whatever the status is."""
    content = placeholder(*shape_of(file))
    return mark_expected(HttpResponse(content, content_type="image/svg+xml", status=503, headers=PLACEHOLDER_HEADERS))


def placeholder(width: float, height: float) -> str:
    """As SVG; its longer side has LONGER_SIDE pixels."""
    scale = LONGER_SIDE / max(width, height)
    return DRAWING.format(width=width * scale, height=height * scale)


def shape_of(file: Served) -> tuple[float, float]:
    if isinstance(file, StoredCopy) or not file.width or not file.height:
        return DEFAULT_SHAPE
    return file.width, file.height
