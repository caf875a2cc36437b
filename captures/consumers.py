"""`ws/captures/`: a word for each capture that has its outcome, of the cameras that one may see."""

from __future__ import annotations

from typing import ClassVar

from cameras.sockets.board import MISSED, Board, Notice
from cameras.sockets.consumer import Socket
from cameras.sockets.loops import of_this_loop
from captures.notices import CAPTURES

GAP = {"type": "missed", "message": "Notices may have been lost; ask for the list of captures."}


class CaptureBoard(Board):
    kind: ClassVar[str] = CAPTURES


class CapturesConsumer(Socket):
    async def work(self) -> None:
        with of_this_loop(CaptureBoard).listening() as listener:
            while not self.ended:
                await self._tell(await listener.get())

    async def _tell(self, notice: Notice | None) -> None:
        if notice is MISSED:
            await self.say(dict(GAP))
        elif notice.get("camera") in self.access.cameras:
            await self.say({"type": "capture_update", "data": notice})
