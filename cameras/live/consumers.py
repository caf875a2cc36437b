"""`ws/live/{slug}/`: live pictures on request, as JSON or, with the subprotocol skycam.live.v1, as bytes."""

from __future__ import annotations

import asyncio
from typing import Any

from cameras.live.feed import Picture
from cameras.live.presets import PRESETS
from cameras.live.service import LiveStreamingService
from cameras.live.viewer import Viewer, refusal_message
from cameras.live.viewer_registry import LiveViewRefused
from cameras.sockets.access import Access
from cameras.sockets.consumer import BadMessage, MessageHandler, Socket
from cameras.sockets.subscription import loop_singleton
from core.background import start_background_task

BINARY = "skycam.live.v1"
NO_FRAME_S = 1.8
"""How long a request waits for a picture before it is answered with the reason why there is none. The answer is
promised within 2 s."""
ENDED = 4410
"""Closes a socket whose viewer was ended by someone."""


class LiveConsumer(Socket):
    subprotocols = (BINARY,)

    async def connect(self) -> None:
        self.slug: str = self.scope["url_route"]["kwargs"]["slug"]
        self.binary = BINARY in self.scope["subprotocols"]
        # Without a bound of its own: `request_frame` has the limit, a setting that may change meanwhile.
        self._requests: asyncio.Queue[str] = asyncio.Queue()
        self._viewer: Viewer | None = None
        self._limits: dict[str, str] = {}
        await super().connect()

    async def disconnect(self, code: int) -> None:
        await super().disconnect(code)
        if self._viewer:
            loop_singleton(LiveStreamingService).end_session(self._viewer)

    @property
    def additional_sockets_of_user(self) -> int:
        """Live sockets come on top of the others: `max_viewers_per_user` limits them from their first request."""
        return int(loop_singleton(LiveStreamingService).settings.config.max_viewers_per_user)

    def narrow_access(self, access: Access) -> Access:
        return access.for_camera(self.slug)

    def own_handlers(self) -> dict[str, MessageHandler]:
        return {"request_frame": self.request_frame}

    async def request_frame(self, message: dict[str, Any]) -> None:
        quality = message.get("quality", "medium")
        if not isinstance(quality, str) or quality not in PRESETS:
            raise BadMessage("invalid", f"`quality` is one of {', '.join(PRESETS)}.")
        limit = loop_singleton(LiveStreamingService).settings.config.frame_buffer_size
        if self._requests.qsize() >= limit:
            raise BadMessage("too_many", f"At most {limit} requests can wait. Send the next one after an answer.")
        self._requests.put_nowait(quality)

    async def run(self) -> None:
        while not self.ended:
            await self._answer_request(await self._requests.get())

    async def _answer_request(self, quality: str) -> None:
        service = loop_singleton(LiveStreamingService)
        try:
            viewer = await self._ensure_viewer(service, quality)
        except LiveViewRefused as error:
            await self.send_message(dict(refusal_message(error.reason, str(error))))
            return
        picture = await service.next_picture(viewer, quality, NO_FRAME_S)
        # First: the flags of the picture depend on `_limits`, which this sets.
        await self._send_limits(quality, await service.describe_limits(viewer, picture))
        if picture is None:
            desired = self.access.cameras.get(self.slug, "")
            await self.send_message(dict(await service.explain_no_frame(viewer, desired, quality)))
            return
        await self._send_picture(service, viewer, picture)

    async def _send_picture(self, service: LiveStreamingService, viewer: Viewer, picture: Picture) -> None:
        lowered = bool(self._limits)
        message = picture.binary(lowered=lowered) if self.binary else picture.text(lowered=lowered)
        service.record_sent(viewer, picture, len(message))
        await self.send_message(message, picture.frame(binary=self.binary, lowered=lowered))

    async def _ensure_viewer(self, service: LiveStreamingService, quality: str) -> Viewer:
        """This socket's viewer; a new one when the last one ended while idle. LiveViewRefused."""
        if self._viewer is None or not service.has_viewer(self._viewer):
            host, *_ = self.scope.get("client") or ("",)
            self._viewer = await service.create_session(
                self.access.user, self.slug, quality, "websocket", host, self._end
            )
            if self.ended:  # while create_session waited
                service.end_session(self._viewer)
        return self._viewer

    def _end(self, sentence: str) -> None:
        # As a task: a client that does not read blocks the sender, and the service calls this for all viewers in turn.
        start_background_task(self.close_with_reason(ENDED, sentence), "closing a socket")

    async def _send_limits(self, quality: str, limits: dict[str, str]) -> None:
        """Only when the reasons change: the load in a message may change with each picture."""
        if limits.keys() != self._limits.keys():
            self._limits = limits
            listed = [{"reason": reason, "message": message} for reason, message in limits.items()]
            await self.send_message({"type": "limited", "quality": quality, "limits": listed})
