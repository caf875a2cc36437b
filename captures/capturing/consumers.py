"""`ws/captures/`: a message for each capture that ends, of the cameras that the user may see, with the temperature of
the site, and one for each reading of the site's main sensor."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error

from cameras.models import Camera
from cameras.sockets.consumer import Socket
from cameras.sockets.subscription import MISSED, NoticeBroadcaster, loop_singleton
from cameras.status.consumers import ReadingBroadcaster
from captures.capturing.models import Capture
from captures.capturing.outcomes import CAPTURES, CaptureNotice, CaptureUpdate, LatestImage, latest_image
from captures.capturing.selectors import captures_by_id, with_newest
from captures.tables import SITE_TEMPERATURE
from core.readings.latest import ReadingBody
from core.registry import resolve

log = logging.getLogger(__name__)

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


READ_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class CameraPicture:
    """A camera with its newest saved picture, if it has one."""

    camera_id: str
    slug: str
    observed: str
    image: LatestImage | None


@dataclass(frozen=True, slots=True)
class Site:
    """`main` is the sensor, the channel and the quantity of the site's temperature, `temperature` its newest value, if
    that is to be believed. `pictures` has the newest one first."""

    main: tuple[str, str, str] | None = None
    temperature: float | None = None
    pictures: tuple[CameraPicture, ...] = ()


class SiteCache:
    """The site as the database has it, read at most once a second for all sockets of a web process."""

    def __init__(self) -> None:
        self._site, self._read_at = Site(), -READ_EVERY_S
        self._lock = asyncio.Lock()

    async def site(self) -> Site:
        """While the database is away: as it was."""
        async with self._lock:
            if time.monotonic() - self._read_at >= READ_EVERY_S:
                try:
                    self._site = await database_sync_to_async(read_site)()
                except Error as error:
                    log.warning("The newest pictures could not be read: %s", type(error).__name__)
                self._read_at = time.monotonic()
            return self._site


def read_site() -> Site:
    """In five queries, whatever the number of cameras; in one without a main sensor."""
    found = next((one for path in SITE_TEMPERATURE.values() if (one := resolve(path)()) is not None), None)
    if found is None:
        return Site()
    main, temperature = found
    cameras: list[Any] = list(with_newest(Camera.objects.present()).only("slug", "observed"))
    captures = captures_by_id(camera.newest_id for camera in cameras)
    # Those without a picture last.
    cameras.sort(key=lambda camera: camera.newest_at.timestamp() if camera.newest_at else 0.0, reverse=True)
    pictures = tuple(camera_picture(camera, captures.get(camera.newest_id)) for camera in cameras)
    return Site(main, temperature, pictures)


def capture_update(notice: CaptureNotice, site: Site) -> CaptureUpdate:
    """What a user who may see the camera gets of a capture."""
    return {"temperature": site.temperature if site.main else notice["camera_temperature"], **notice}


def camera_picture(camera: Camera, newest: Capture | None) -> CameraPicture:
    image = latest_image(newest, list(newest.files.all())) if newest else None
    return CameraPicture(str(camera.pk), camera.slug, camera.observed, image)


def main_reading(readings: Iterable[ReadingBody], main: tuple[str, str, str] | None) -> ReadingBody | None:
    # A device may give two quantities under one key.
    return next((one for one in readings if (one["sensor"], one["channel"], one["quantity"]) == main), None)


def reading_update(reading: ReadingBody, site: Site, camera_ids: Collection[str]) -> CaptureUpdate | None:
    """What a user who may see these cameras gets; None for a user who may see none. A value that is not to be believed
    is no temperature."""
    picture = next((one for one in site.pictures if one.camera_id in camera_ids), None)
    if picture is None:
        return None
    return CaptureUpdate(
        camera=picture.slug,
        status=picture.observed,
        temperature=reading["value"] if reading["quality"] == "ok" else None,
        latest_image=picture.image,
    )
