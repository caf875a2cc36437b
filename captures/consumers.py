"""`ws/captures/`: a word for each capture that has its outcome, of the cameras that one may see."""

from __future__ import annotations

from typing import ClassVar

from cameras.sockets.consumer import Socket
from cameras.sockets.loop_singletons import loop_singleton
from cameras.sockets.notice_broadcaster import MISSED, Notice, NoticeBroadcaster
from captures.notices import CAPTURES

GAP = {"type": "missed", "message": "Notices may have been lost; ask for the list of captures."}


class CaptureNoticeBroadcaster(NoticeBroadcaster):
    kind: ClassVar[str] = CAPTURES


class CapturesConsumer(Socket):
    async def run(self) -> None:
        with loop_singleton(CaptureNoticeBroadcaster).subscribe() as listener:
            while not self.ended:
                await self._send_notice(await listener.get())

    async def _send_notice(self, notice: Notice | None) -> None:
        if notice is MISSED:
            await self.send_message(dict(GAP))
        elif notice.get("camera") in self.access.cameras:
            await self.send_message({"type": "capture_update", "data": notice})
