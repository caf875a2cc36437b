"""The body of a request: the event as JSON, in the bytes that are stored, signed and sent."""

from __future__ import annotations

import json
from typing import Any, TypedDict

from core.events.answers import without_address
from core.events.models import Event
from core.station_settings import station_name
from core.times.timestamps import stamp


class PayloadBody(TypedDict):
    id: str
    kind: str
    at: str
    station: str
    host: str
    severity: str
    camera: str | None
    subject: str
    actor: str
    message: str
    data: dict[str, Any]


def encode_payload(event: Event) -> bytes:
    """The event without addresses of cameras: the receiver is no manager."""
    body = PayloadBody(
        id=str(event.id),
        kind=event.kind,
        at=stamp(event.at),
        station=station_name(),
        host=event.host,
        severity=event.severity,
        camera=event.camera or None,
        subject=event.subject,
        actor=event.actor,
        message=event.message,
        data=without_address(event.data),
    )
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
