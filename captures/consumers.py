"""`ws/captures/`: a message for each capture that ends, of the cameras that the user may see."""

from __future__ import annotations

from typing import ClassVar

from cameras.sockets.board import MISSED, Board, Notice
from cameras.sockets.consumer import Socket
from cameras.sockets.loops import of_this_loop
from captures.notices import CAPTURES

NOTICES_LOST = {"type": "missed", "message": "Notices may have been lost; ask for the list of captures."}


class CaptureBroadcaster(Board):
    kind: ClassVar[str] = CAPTURES


class CapturesConsumer(Socket):
    async def work(self) -> None:
        with of_this_loop(CaptureBroadcaster).listening() as listener:
            while not self.ended:
                await self._send_notice(await listener.get())

    async def _send_notice(self, notice: Notice | None) -> None:
        if notice is MISSED:
            await self.say(dict(NOTICES_LOST))
        elif notice.get("camera") in self.sight.cameras:
            await self.say({"type": "capture_update", "data": notice})
