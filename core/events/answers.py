"""What is answered about an event and an alert, and published in notices."""

from __future__ import annotations

from typing import Annotated, Any

from core.resources.fields import Fields, Rows
from core.resources.resource import body_of
from core.resources.values import Column, Id
from core.times.timestamps import Stamp

Spans = Annotated[list[list[int]], Column("spans")]
"""Where the message has slugs of cameras: `[[begin, end], ...]` in characters."""
ADDRESS = "address"
"""An argument of camera commands that only managers may see."""


class EventBody(Fields):
    id: Annotated[Id, Column("pk")]
    at: Stamp
    kind: str
    severity: str
    camera: str
    subject: str
    actor: str
    host: str
    message: str
    data: dict[str, Any]
    mentions: Spans


class EventPage(Rows):
    results: list[EventBody]


class AlertBody(Fields):
    id: Annotated[Id, Column("pk")]
    key: str
    severity: str
    state: str
    camera: str
    host: str
    message: str
    opened: Annotated[Stamp, Column("opened_at")]
    last_seen: Annotated[Stamp, Column("last_seen_at")]
    count: int
    acknowledged: Annotated[Stamp | None, Column("acknowledged_at")]
    acknowledged_by: str
    resolved: Annotated[Stamp | None, Column("resolved_at")]
    data: dict[str, Any]
    mentions: Spans


def event_body(event: object, user: Any) -> dict[str, Any]:
    """As `user` may see it."""
    body = body_of(EventBody, event)
    return body if user.may("manager") else body_without_address(body)


def body_without_address(body: dict[str, Any]) -> dict[str, Any]:
    """As all but managers may see it."""
    return {**body, "data": without_address(body["data"])}


def without_address(data: dict[str, Any]) -> dict[str, Any]:
    # Left out on reading and not on writing: managers may see addresses, and events are never changed.
    arguments = data.get("arguments")
    if not isinstance(arguments, dict) or ADDRESS not in arguments:
        return data
    return {**data, "arguments": {name: value for name, value in arguments.items() if name != ADDRESS}}
