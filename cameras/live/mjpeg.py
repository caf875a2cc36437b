"""Live pictures as an endless `multipart/x-mixed-replace` response, from the same feeds as the WebSockets."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from asgiref.sync import async_to_sync

from cameras.live.feed import Picture
from cameras.live.service import LiveStreamingService
from cameras.live.viewer import Viewer
from cameras.sockets.access import Access, AccessMonitor, Principal
from cameras.sockets.subscription import loop_singleton

BOUNDARY = "skycam-frame"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
POLL_S = 1.0
NO_PICTURE_TIMEOUT_S = 10.0


class MjpegStream:
    """A stream's viewer. It listens for access: without access to the camera no further picture is sent.

    It ends after `timeout_s` without a picture, so that its client reconnects or reports it.
    """

    def __init__(self, slug: str, quality: str, principal: Principal, timeout_s: float = NO_PICTURE_TIMEOUT_S) -> None:
        self.slug, self.quality, self.principal, self._timeout_s = slug, quality, principal, timeout_s
        self.may_view = True
        self.ended = ""
        self.viewer: Viewer

    def update_access(self, access: Access) -> None:
        self.may_view = not access.for_camera(self.slug).code

    async def add_viewer(self, user: str, remote: str) -> None:
        """Count this stream as a viewer. LiveViewRefused."""
        service = loop_singleton(LiveStreamingService)
        self.viewer = await service.create_session(user, self.slug, self.quality, "mjpeg", remote, self.end)

    def end(self, sentence: str) -> None:
        self.ended = sentence

    async def next_picture(self, service: LiveStreamingService) -> Picture | None:
        """None when the stream must end."""
        deadline = time.monotonic() + self._timeout_s
        while self._may_continue(service) and time.monotonic() < deadline:
            picture = await service.next_picture(self.viewer, self.quality, POLL_S)
            # Checked again: access may have been revoked during the wait.
            if picture and self._may_continue(service):
                return picture
        return None

    def _may_continue(self, service: LiveStreamingService) -> bool:
        return self.may_view and not self.ended and service.has_viewer(self.viewer)


# asgiref runs it in the web process's event loop, to which the service belongs, while the request's thread waits.
@async_to_sync
async def open_stream(slug: str, quality: str, principal: Principal, user: str, remote: str) -> MjpegStream:
    """From a thread: a new stream, to be passed to `stream_parts` soon: it counts as a viewer from now on.

    LiveViewRefused at a limit.
    """
    found = MjpegStream(slug, quality, principal)
    await found.add_viewer(user, remote)
    return found


async def stream_parts(stream: MjpegStream) -> AsyncIterator[bytes]:
    """The body, part by part. Each picture is followed by its boundary at once, since browsers show a part when the
    next one begins."""
    service, monitor = loop_singleton(LiveStreamingService), loop_singleton(AccessMonitor)
    # Not in `open_stream`: if the client leaves before the first part, this body never runs, and no `finally` would
    # remove the listener. Its viewer then ends as idle.
    monitor.add_listener(stream)
    try:
        yield f"--{BOUNDARY}\r\n".encode()
        while picture := await stream.next_picture(service):
            limits = await service.describe_limits(stream.viewer, picture)
            service.record_sent(stream.viewer, picture, len(picture.packed))
            yield part(picture, limits)
        if stream.ended:
            yield last_part(stream.ended)
    finally:
        monitor.remove_listener(stream)
        service.end_session(stream.viewer)


def part(picture: Picture, limits: dict[str, str]) -> bytes:
    """Its headers have the fields of a skycam.live.v1 frame (number, capture time in µs UTC, flags) and the reasons why
    its quality is lowered."""
    jpeg, flags = picture.jpeg, picture.flags_now(lowered=bool(limits))
    limited = f"X-Limited: {' '.join(limits.values())}\r\n" if limits else ""
    head = (
        f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n"
        f"X-Frame-Number: {picture.number}\r\nX-Captured-Us: {picture.captured_us}\r\nX-Flags: {flags}\r\n{limited}\r\n"
    )
    return head.encode() + jpeg + f"\r\n--{BOUNDARY}\r\n".encode()


def last_part(sentence: str) -> bytes:
    """Text that says who ended the stream. A client that knows only pictures keeps showing the last one."""
    text = sentence.encode()
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\nX-Ended: yes\r\n\r\n"
    return head.encode() + text + f"\r\n--{BOUNDARY}--\r\n".encode()
