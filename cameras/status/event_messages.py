"""The messages of `ws/status/` about events and alerts: what one user may see of the station's notices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypedDict

from cameras.sockets.access import Access
from core.events.answers import body_without_address
from core.events.notices import AlertNotice, EventNotice
from core.events.selectors import is_manager_only

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
