"""`ws/status/`: how the cameras are that one may see, when it changes and each second."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from cameras import broker
from cameras.sockets.consumer import Socket
from cameras.sockets.loop_singletons import loop_singleton
from cameras.status import Status, read_slugs

READ_EVERY_S = 0.25
SAY_EVERY_S = 1.0


class Statuses:
    """Read once for all sockets of a web process."""

    def __init__(self) -> None:
        self._read_at = -READ_EVERY_S
        self._known: dict[str, Status] = {}
        self._wished: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def of(self, wished: Mapping[str, str]) -> list[Status]:
        """Of slug -> desired. BrokerDown when the broker is away."""
        async with self._lock:
            if time.monotonic() - self._read_at >= READ_EVERY_S or wished.keys() - self._known.keys():
                await self._read(wished)
        return [self._known[slug] for slug in sorted(wished)]

    async def _read(self, wished: Mapping[str, str]) -> None:
        self._wished = {**self._wished, **wished} if self._fresh() else dict(wished)
        self._known = await asyncio.to_thread(read_slugs, self._wished)
        self._read_at = time.monotonic()

    def _fresh(self) -> bool:
        return time.monotonic() - self._read_at < 2 * SAY_EVERY_S


class StatusConsumer(Socket):
    async def run(self) -> None:
        said, said_at = "", 0.0
        while not self.ended:
            text = json.dumps(await self._content())
            if text != said or time.monotonic() - said_at >= SAY_EVERY_S:
                said, said_at = text, time.monotonic()
                await self.send_message(text)
            await asyncio.sleep(READ_EVERY_S)

    async def _content(self) -> dict[str, Any]:
        try:
            cameras = await loop_singleton(Statuses).of(self.access.cameras)
        except broker.BrokerDown as error:
            return {"type": "no_status", "reason": "broker", "message": str(error)}
        return {"type": "status", "cameras": cameras}
