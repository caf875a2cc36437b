"""The state of the whole station, read from Redis without Django and redis-py.

`skycam status` answers in a fraction of a second; importing redis-py would take half of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypedDict, cast

from cameras.broker.hiredis_client import open_client
from cameras.runtime.recording_state import Recorder
from cameras.runtime.settings_drift import Difference


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
    """Whether a clip is being written."""
    recorder: Recorder | None
    """None while no recording is desired, or its status is unknown."""
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
    """Why live pictures are reduced below their quality; empty when they are not."""
    differs: list[Difference]
    """Settings changed on the camera's body since they were applied."""


class StationStatus(TypedDict):
    station: str
    name: str
    """The station's display name; its id until a host has written one."""
    hosts: list[dict[str, Any]]
    cameras: list[Status]
    alerts: list[dict[str, Any]]


def absent_status(slug: str, desired: str, reason: str = "The camera host does not answer.") -> Status:
    return Status(
        camera=slug, desired=desired, observed="host_down", since=None, reason=reason, session=None,
        recording=False, recorder=None, temperature_celsius=None, last_frame=None, last_capture=None, fps=0.0,
        vendor="", model="", serial="", firmware="", battery_percent=None, card_free_bytes=None, held_by=None,
        held_since=None, faults={}, lowered="", differs=[],
    )  # fmt: skip


def parse_status(fields: dict[str, str]) -> Status:
    """A status from its hash, each field of which is JSON."""
    return cast(Status, {field: json.loads(value) for field, value in fields.items()})


def read_station(url: str, station: str) -> StationStatus:
    """Everything that the station's hosts write each second. BrokerDown when the broker is away.

    The cameras of a host that has ended are host_down, as long as the broker remembers them.
    """
    with open_client(url) as broker:
        hosts, beats = broker.values_by_suffix(f"{station}:host:")
        _, known = broker.values_by_suffix(f"{station}:cameras:")
        slugs = broker.key_suffixes(f"{station}:status:")
        found = broker.run_commands([("HGETALL", f"{station}:status:{slug}") for slug in slugs])
        alerts, name = broker.run_commands([("GET", f"{station}:alerts"), ("GET", f"{station}:name")])
    cameras = {
        slug: absent_status(slug, desired) for text in known for slug, desired in json.loads(text or "{}").items()
    }
    cameras |= {slug: parse_status(hash_from_list(fields)) for slug, fields in zip(slugs, found, strict=True) if fields}
    return StationStatus(
        station=station,
        name=name or station,
        hosts=[heartbeat_body(host, beat) for host, beat in zip(hosts, beats, strict=True)],
        cameras=[cameras[slug] for slug in sorted(cameras)],
        alerts=json.loads(alerts or "[]"),
    )


def heartbeat_body(host: str, beat: str | None) -> dict[str, Any]:
    """`host`, and the content of its heartbeat: `at`. Nothing if the heartbeat has just expired."""
    return {"host": host, **json.loads(beat or "{}")}


def hash_from_list(flat: Sequence[str]) -> dict[str, str]:
    """RESP2's flat list of a hash."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
