"""`ws/live/{slug}/`: pictures for who asks for them, as JSON or, with the subprotocol skycam.live.v1, as bytes."""

from __future__ import annotations

import asyncio
from typing import Any

from cameras.live.presets import PRESETS
from cameras.live.service import LiveStreamingService
from cameras.sockets.consumer import BadMessage, Order, Socket
from cameras.sockets.loops import of_this_loop
from cameras.sockets.sight import Sight

BINARY = "skycam.live.v1"
NO_FRAME_S = 2.0
"""How long a request waits for a picture before it is told why there is none."""
MOST_WAITING = 4


class LiveConsumer(Socket):
    subprotocols = (BINARY,)

    async def connect(self) -> None:
        self.slug: str = self.scope["url_route"]["kwargs"]["slug"]
        self.binary = BINARY in self.scope["subprotocols"]
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._last: dict[str, int] = {}
        await super().connect()

    def sight_of(self, sight: Sight) -> Sight:
        return sight.of_camera(self.slug)

    def own_orders(self) -> dict[str, Order]:
        return {"request_frame": self.request_frame}

    async def request_frame(self, message: dict[str, Any]) -> None:
        quality = message.get("quality", "medium")
        if not isinstance(quality, str) or quality not in PRESETS:
            raise BadMessage("invalid", f"`quality` is one of {', '.join(PRESETS)}.")
        if self._waiting.full():
            raise BadMessage("too_many", f"At most {MOST_WAITING} requests wait; ask again when one was answered.")
        self._waiting.put_nowait(quality)

    async def work(self) -> None:
        while not self.ended:
            await self._answer(await self._waiting.get())

    async def _answer(self, quality: str) -> None:
        service = of_this_loop(LiveStreamingService)
        feed = service.feed(self.slug, quality)
        picture = await feed.newer(self._last.get(quality, 0), NO_FRAME_S)
        if picture is None:
            await self.say(dict(await service.why_none(self.slug, self.sight.cameras.get(self.slug, ""), feed)))
            return
        self._last[quality] = picture.serial
        await self.say(picture.binary() if self.binary else picture.text())
