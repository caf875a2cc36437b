"""`ws/live/{slug}/`: pictures for who asks for them, as JSON or, with the subprotocol skycam.live.v1, as bytes."""

from __future__ import annotations

import asyncio
from typing import Any

from cameras.live.picture import Picture
from cameras.live.places import NoLive
from cameras.live.presets import PRESETS
from cameras.live.reasons import refused
from cameras.live.service import LiveStreamingService
from cameras.live.viewer import Viewer
from cameras.sockets.consumer import BadMessage, Order, Socket
from cameras.sockets.loops import of_this_loop
from cameras.sockets.sight import Sight
from core.background import start_background_task

BINARY = "skycam.live.v1"
NO_FRAME_S = 2.0
"""How long a request waits for a picture before it is told why there is none."""
ENDED = 4410
"""The code that closes a socket whose viewer was ended by somebody."""


class LiveConsumer(Socket):
    subprotocols = (BINARY,)

    async def connect(self) -> None:
        self.slug: str = self.scope["url_route"]["kwargs"]["slug"]
        self.binary = BINARY in self.scope["subprotocols"]
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._viewer: Viewer | None = None
        self._limits: dict[str, str] = {}
        await super().connect()

    async def disconnect(self, code: int) -> None:
        await super().disconnect(code)
        if self._viewer:
            of_this_loop(LiveStreamingService).end_session(self._viewer)

    @property
    def most_of_a_user(self) -> int:
        """A live picture has a place of its own from its first request on."""
        return super().most_of_a_user + of_this_loop(LiveStreamingService).config.max_viewers_per_user

    def sight_of(self, sight: Sight) -> Sight:
        return sight.of_camera(self.slug)

    def own_orders(self) -> dict[str, Order]:
        return {"request_frame": self.request_frame}

    async def request_frame(self, message: dict[str, Any]) -> None:
        quality = message.get("quality", "medium")
        if not isinstance(quality, str) or quality not in PRESETS:
            raise BadMessage("invalid", f"`quality` is one of {', '.join(PRESETS)}.")
        most = of_this_loop(LiveStreamingService).config.frame_buffer_size
        if self._waiting.qsize() >= most:
            raise BadMessage("too_many", f"At most {most} requests wait; ask again when one was answered.")
        self._waiting.put_nowait(quality)

    async def work(self) -> None:
        while not self.ended:
            await self._answer(await self._waiting.get())

    async def _answer(self, quality: str) -> None:
        service = of_this_loop(LiveStreamingService)
        try:
            viewer = await self._enter(service, quality)
        except NoLive as error:
            await self.say(dict(refused(error.reason, str(error))))
            return
        picture = await service.picture(viewer, quality, NO_FRAME_S)
        await self._say_limits(quality, await service.limits(viewer, picture))
        if picture is None:
            desired = self.sight.cameras.get(self.slug, "")
            await self.say(dict(await service.why_none(viewer, desired, quality)))
            return
        message = self._form(picture)
        service.gave(viewer, picture, len(message))
        await self.say(message)

    async def _enter(self, service: LiveStreamingService, quality: str) -> Viewer:
        """The viewer that this socket is; a new one after a pause. NoLive."""
        if self._viewer is None or not service.has(self._viewer):
            host, *_ = self.scope.get("client") or ("",)
            self._viewer = await service.create_session(
                self.sight.user, self.slug, quality, "websocket", host, self._end
            )
            if self.ended:  # meanwhile
                service.end_session(self._viewer)
        return self._viewer

    def _end(self, sentence: str) -> None:
        start_background_task(self.leave(ENDED, sentence), "closing a socket")

    def _form(self, picture: Picture) -> str | bytes:
        lowered = bool(self._limits)
        return picture.binary(lowered=lowered) if self.binary else picture.text(lowered=lowered)

    async def _say_limits(self, quality: str, limits: dict[str, str]) -> None:
        """When they change; the load in a sentence may."""
        if limits.keys() != self._limits.keys():
            self._limits = limits
            told = [{"reason": reason, "message": message} for reason, message in limits.items()]
            await self.say({"type": "limited", "quality": quality, "limits": told})
