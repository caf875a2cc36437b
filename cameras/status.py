"""What is observed of a camera, from Redis alone: a hash rewritten each second that lives five.

Each field of the hash is JSON, so that null and numbers survive."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypedDict, cast

import redis

from cameras import broker
from cameras.models import Camera, Observed

LIFE_S = 5


class Status(TypedDict):
    camera: str
    desired: str
    observed: str
    since: str | None
    reason: str
    session: dict[str, Any] | None
    recording: bool
    temperature_celsius: float | None
    last_frame: str | None
    last_capture: dict[str, Any] | None
    fps: float
    vendor: str
    model: str
    serial: str
    firmware: str
    battery_percent: float | None
    card_free_bytes: int | None
    held_by: str | None


def absent(slug: str, desired: str, reason: str = "The camera host does not answer.") -> Status:
    return Status(
        camera=slug, desired=desired, observed=Observed.HOST_DOWN, since=None, reason=reason, session=None,
        recording=False, temperature_celsius=None, last_frame=None, last_capture=None, fps=0.0, vendor="", model="",
        serial="", firmware="", battery_percent=None, card_free_bytes=None, held_by=None,
    )  # fmt: skip


def desired(camera: Camera) -> str:
    if not camera.enabled:
        return "disabled"
    return "connected" if camera.connected else "disconnected"


def write(server: redis.Redis, status: Status) -> None:
    name = broker.key("status", status["camera"])
    pipe = server.pipeline(transaction=True)
    pipe.hset(name, mapping={field: json.dumps(value) for field, value in status.items()})
    pipe.expire(name, LIFE_S)
    pipe.execute()


def read(camera: Camera) -> Status:
    """BrokerDown when the broker is away; observed host_down when the host does not write."""
    return read_all([camera])[camera.slug]


def read_all(cameras: Iterable[Camera]) -> dict[str, Status]:
    """By slug, in one round trip."""
    listed = list(cameras)
    with broker.reachable() as server:
        pipe = server.pipeline(transaction=False)
        for camera in listed:
            pipe.hgetall(broker.key("status", camera.slug))
        found = pipe.execute()
    return {
        camera.slug: _parsed(fields) if fields else absent(camera.slug, desired(camera))
        for camera, fields in zip(listed, found, strict=True)
    }


def _parsed(fields: dict[str, str]) -> Status:
    return cast(Status, {field: json.loads(value) for field, value in fields.items()})
