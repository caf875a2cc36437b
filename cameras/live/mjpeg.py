"""Live pictures as an endless `multipart/x-mixed-replace`: every picture on the same feed as the WebSockets."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from cameras.live.feed import Feed
from cameras.live.picture import STALE, Picture
from cameras.live.service import LiveStreamingService
from cameras.sockets.loops import of_this_loop
from cameras.sockets.sight import Lookout, Sight, Visitor

BOUNDARY = "skycam-frame"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
LOOK_S = 1.0
WITHOUT_S = 10.0
"""A stream without pictures ends after so long, so that its client asks again or says so."""


class Watching:
    """A stream's place in the lookout: whoever may no longer see the camera sees no further picture."""

    def __init__(self, slug: str, visitor: Visitor) -> None:
        self.slug, self.visitor = slug, visitor
        self.may_look = True

    def see(self, sight: Sight) -> None:
        self.may_look = not sight.of_camera(self.slug).code

    async def next(self, feed: Feed, last: int) -> Picture | None:
        """None when the stream is to end."""
        deadline = time.monotonic() + WITHOUT_S
        while self.may_look and time.monotonic() < deadline:
            picture = await feed.newer(last, LOOK_S)
            if picture and self.may_look:
                return picture
        return None


async def stream(slug: str, quality: str, visitor: Visitor) -> AsyncIterator[bytes]:
    """Each picture is followed by its boundary at once: browsers show a part when the next one begins."""
    feed, watching = of_this_loop(LiveStreamingService).feed(slug, quality), Watching(slug, visitor)
    lookout = of_this_loop(Lookout)
    lookout.join(watching)
    last = 0
    try:
        yield f"--{BOUNDARY}\r\n".encode()
        while picture := await watching.next(feed, last):
            last = picture.serial
            yield part(picture)
    finally:
        lookout.leave(watching)


def part(picture: Picture) -> bytes:
    """Its head says what a frame of skycam.live.v1 does: number, capture in µs UTC, and the same flags."""
    jpeg, flags = picture.jpeg, picture.flags | (STALE if picture.is_stale else 0)
    head = (
        f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n"
        f"X-Frame-Number: {picture.number}\r\nX-Captured-Us: {picture.captured_us}\r\nX-Flags: {flags}\r\n\r\n"
    )
    return head.encode() + jpeg + f"\r\n--{BOUNDARY}\r\n".encode()
