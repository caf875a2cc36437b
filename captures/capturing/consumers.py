"""`ws/captures/`: a message for each capture that ends, of the cameras that the user may see."""

from __future__ import annotations

from cameras.sockets.consumer import Socket
from cameras.sockets.loop_singletons import loop_singleton
from cameras.sockets.notice_broadcaster import MISSED, NoticeBroadcaster
from captures.capturing.notices import CAPTURES, CaptureUpdate

NOTICES_LOST = {"type": "missed", "message": "Notices may have been lost. Request the list of captures."}


class CaptureBroadcaster(NoticeBroadcaster[CaptureUpdate]):
    def __init__(self) -> None:
        super().__init__(CAPTURES)


class CapturesConsumer(Socket):
    async def run(self) -> None:
        with loop_singleton(CaptureBroadcaster).subscribe() as listener:
            while not self.ended:
                await self._send_notice(await listener.get())

    async def _send_notice(self, notice: CaptureUpdate | None) -> None:
        if notice is MISSED:
            await self.send_message(dict(NOTICES_LOST))
        # The access of this moment: it is read again every two seconds while the socket is open.
        elif notice.get("camera") in self.access.cameras:
            await self.send_message({"type": "capture_update", "data": notice})
