"""`ws/status/`: the status of the cameras that the user may see, on each change and at least once a second; and the
events, alerts and readings that the user may see, as they are recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict

from cameras.sockets.access import Access
from cameras.sockets.consumer import Socket
from cameras.sockets.subscription import MISSED, NoticeBroadcaster, loop_singleton
from cameras.status.messages import Status
from cameras.status.status import read_statuses_by_slug
from core.broker import broker
from core.events.answers import body_without_address
from core.events.selectors import is_manager_only
from core.events.service import EVENTS, AlertNotice, EventNotice
from core.readings.latest import READINGS, ReadingsNotice

EVENTS_LOST = {"type": "missed", "message": "Notices may have been lost. Request the lists of events and alerts."}


class EventsMessage(TypedDict):
    """What was recorded since the last message, oldest first."""

    type: Literal["events"]
    events: list[dict[str, Any]]
    alerts: list[dict[str, Any]]


def events_message(notices: Iterable[EventNotice | AlertNotice], access: Access) -> EventsMessage | None:
    """None when the user may see none of them."""
    message = EventsMessage(type="events", events=[], alerts=[])
    for notice in notices:
        if not may_see_cameras(notice["camera_ids"], access):
            continue
        if notice["type"] == "alert":
            message["alerts"].append(notice["body"])
        elif access.is_manager:
            message["events"].append(notice["body"])
        elif not is_manager_only(notice["body"]["kind"]):
            message["events"].append(body_without_address(notice["body"]))
    return message if message["events"] or message["alerts"] else None


def may_see_cameras(camera_ids: list[str], access: Access) -> bool:
    """Stricter than the list of events: nothing of a removed camera, nor of one that was added since the last check.
    The list has them."""
    return access.camera_ids.issuperset(camera_ids)


READ_EVERY_S = 0.25
SEND_EVERY_S = 1.0
EVENTS_EVERY_S = 0.25
"""At most one message of events in this time. It has all events since the last one, up to the listener's limit."""


class StatusMessage(TypedDict):
    type: Literal["status"]
    cameras: list[Status]


class NoStatus(TypedDict):
    """The broker is away."""

    type: Literal["no_status"]
    reason: str
    message: str


class StatusCache:
    """Statuses read once for all sockets of a web process."""

    def __init__(self) -> None:
        self._read_at = -READ_EVERY_S
        self._known: dict[str, Status] = {}
        self._desired: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def statuses_of(self, desired: Mapping[str, str]) -> list[Status]:
        """The statuses of slug -> desired. BrokerDown when the broker is away."""
        async with self._lock:
            # A camera that no socket of this process was allowed to see before is read at once.
            if time.monotonic() - self._read_at >= READ_EVERY_S or desired.keys() - self._known.keys():
                await self._read(desired)
        # No `await` since the lock was released, so no other socket has replaced what was read.
        return [self._known[slug] for slug in sorted(desired)]

    async def _read(self, desired: Mapping[str, str]) -> None:
        # What all sockets need: otherwise sockets of users with different cameras would take turns to replace it. After
        # a pause it begins with one socket's cameras again.
        self._desired = {**self._desired, **desired} if self._is_fresh() else dict(desired)
        # A thread, because a broker that hangs would stop the event loop, and with it all sockets, for seconds.
        self._known = await asyncio.to_thread(read_statuses_by_slug, self._desired)
        self._read_at = time.monotonic()

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._read_at < 2 * SEND_EVERY_S


class EventBroadcaster(NoticeBroadcaster[EventNotice | AlertNotice]):
    def __init__(self) -> None:
        super().__init__(EVENTS)


class ReadingBroadcaster(NoticeBroadcaster[ReadingsNotice]):
    def __init__(self) -> None:
        super().__init__(READINGS)


class StatusConsumer(Socket):
    heard = (EventBroadcaster, ReadingBroadcaster)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_statuses())
            tasks.create_task(self._send_events())
            tasks.create_task(self._send_readings())

    async def _send_events(self) -> None:
        listener = self.listeners[EventBroadcaster]
        while not self.ended:
            notices = [await listener.get()]
            while not listener.empty():
                notices.append(listener.get_nowait())
            if MISSED in notices:
                await self.send_message(dict(EVENTS_LOST))
            # The access of this moment: it is read again every two seconds while the socket is open.
            if message := events_message([notice for notice in notices if notice is not MISSED], self.access):
                await self.send_message(dict(message))
            await asyncio.sleep(EVENTS_EVERY_S)

    async def _send_readings(self) -> None:
        listener = self.listeners[ReadingBroadcaster]
        while not self.ended:
            # Lost ones are followed by newer ones.
            if (notice := await listener.get()) is not MISSED:
                await self.send_message({"type": "readings", **notice})

    async def _send_statuses(self) -> None:
        sent, sent_at = "", 0.0
        while not self.ended:
            text = json.dumps(await self._content())
            # An unchanged status is sent, too, so that a client tells a quiet station from a broken connection.
            if text != sent or time.monotonic() - sent_at >= SEND_EVERY_S:
                sent, sent_at = text, time.monotonic()
                await self.send_message(text)
            await asyncio.sleep(READ_EVERY_S)

    async def _content(self) -> StatusMessage | NoStatus:
        try:
            cameras = await loop_singleton(StatusCache).statuses_of(self.access.cameras)
        except broker.BrokerDown as error:
            return NoStatus(type="no_status", reason="broker", message=str(error))
        return StatusMessage(type="status", cameras=cameras)
