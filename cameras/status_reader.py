"""The whole station's state from Redis alone, without Django and without redis-py.

`skycam status` answers in a fraction of a second; importing redis-py would take half of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypedDict, cast

from cameras.runtime.recording_state import Recorder
from cameras.runtime.settings_drift import Difference
from cameras.wire import wire


class LastCapture(TypedDict):
    """How a camera's last capture ended, and when."""

    id: str
    status: str
    reason: str
    at: str


class Status(TypedDict):
    camera: str
    desired: str
    observed: str
    since: str | None
    reason: str
    session: dict[str, Any] | None
    recording: bool
    """A clip is being written now."""
    recorder: Recorder | None
    """None while nothing shall be recorded, or nobody knows."""
    temperature_celsius: float | None
    last_frame: str | None
    last_capture: LastCapture | None
    fps: float
    vendor: str
    model: str
    serial: str
    firmware: str
    battery_percent: float | None
    card_free_bytes: int | None
    held_by: str | None
    held_since: str | None
    faults: dict[str, Any]
    lowered: str
    """Why live pictures are less than their quality says; empty where they are not."""
    differs: list[Difference]
    """What was changed on the camera's body since the wish was applied."""


class StationStatus(TypedDict):
    station: str
    name: str
    """What people call the station; its id where no host has said yet."""
    hosts: list[dict[str, Any]]
    cameras: list[Status]
    alerts: list[dict[str, Any]]


def absent(slug: str, desired: str, reason: str = "The camera host does not answer.") -> Status:
    return Status(
        camera=slug, desired=desired, observed="host_down", since=None, reason=reason, session=None,
        recording=False, recorder=None, temperature_celsius=None, last_frame=None, last_capture=None, fps=0.0,
        vendor="", model="", serial="", firmware="", battery_percent=None, card_free_bytes=None, held_by=None,
        held_since=None, faults={}, lowered="", differs=[],
    )  # fmt: skip


def parsed(fields: dict[str, str]) -> Status:
    """A status from its hash, whose fields are JSON."""
    return cast(Status, {field: json.loads(value) for field, value in fields.items()})


def read_station(url: str, station: str) -> StationStatus:
    """Everything that the station's hosts write each second. BrokerDown when the broker is away.

    The cameras of a host that has ended are host_down, as long as the broker remembers them.
    """
    with wire(url) as broker:
        hosts, beats = broker.values(f"{station}:host:")
        _, known = broker.values(f"{station}:cameras:")
        slugs = broker.names(f"{station}:status:")
        found = broker.ask([("HGETALL", f"{station}:status:{slug}") for slug in slugs])
        alerts, name = broker.ask([("GET", f"{station}:alerts"), ("GET", f"{station}:name")])
    cameras = {slug: absent(slug, desired) for told in known for slug, desired in json.loads(told or "{}").items()}
    cameras |= {slug: parsed(paired(fields)) for slug, fields in zip(slugs, found, strict=True) if fields}
    return StationStatus(
        station=station,
        name=name or station,
        hosts=[host_body(host, beat) for host, beat in zip(hosts, beats, strict=True)],
        cameras=[cameras[slug] for slug in sorted(cameras)],
        alerts=json.loads(alerts or "[]"),
    )


def host_body(host: str, beat: str | None) -> dict[str, Any]:
    """`host`, and what its heartbeat says: `at`. A heartbeat that ended just now says nothing."""
    return {"host": host, **json.loads(beat or "{}")}


def paired(flat: Sequence[str]) -> dict[str, str]:
    """RESP2's flat list of a hash."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
