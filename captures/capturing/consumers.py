"""`ws/captures/`: a message for each capture that ends, of the cameras that the user may see, and for each reading of
the site's main sensor."""

from __future__ import annotations

import asyncio

from cameras.sockets.consumer import Socket
from cameras.sockets.loop_singletons import loop_singleton
from cameras.sockets.notice_broadcaster import MISSED, NoticeBroadcaster
from cameras.status.consumers import ReadingBroadcaster
from captures.capturing.notices import CAPTURES, CaptureNotice, CaptureUpdate
from captures.capturing.reading_updates import SiteCache, capture_update, main_reading, reading_update

NOTICES_LOST = {"type": "missed", "message": "Notices may have been lost. Request the list of captures."}


class CaptureBroadcaster(NoticeBroadcaster[CaptureNotice]):
    def __init__(self) -> None:
        super().__init__(CAPTURES)


class CapturesConsumer(Socket):
    heard = (CaptureBroadcaster, ReadingBroadcaster)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_captures())
            tasks.create_task(self._send_readings())

    async def _send_captures(self) -> None:
        listener = self.listeners[CaptureBroadcaster]
        while not self.ended:
            await self._send_capture(await listener.get())

    async def _send_capture(self, notice: CaptureNotice | None) -> None:
        if notice is MISSED:
            await self.send_message(dict(NOTICES_LOST))
        # The access of this moment: it is read again every two seconds while the socket is open.
        elif notice.get("camera") in self.access.cameras:
            await self._send_update(capture_update(notice, await loop_singleton(SiteCache).site()))

    async def _send_readings(self) -> None:
        listener = self.listeners[ReadingBroadcaster]
        while not self.ended:
            # Lost ones are followed by newer ones.
            if (notice := await listener.get()) is MISSED:
                continue
            site = await loop_singleton(SiteCache).site()
            reading = main_reading(notice["readings"], site.main)
            update = reading_update(reading, site, self.access.camera_ids) if reading else None
            if update is not None:
                await self._send_update(update)

    async def _send_update(self, update: CaptureUpdate) -> None:
        await self.send_message({"type": "capture_update", "data": update})
