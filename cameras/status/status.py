"""The observed status of cameras, from Redis: a hash that is rewritten each second and expires after five. Each field
of the hash is JSON, so that null and numbers survive."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import redis
from django.utils import timezone

from cameras.leases import holder_fields, holders_of
from cameras.models import Camera, desired_connection
from cameras.status.messages import HOST_SILENT, Heartbeat, Status, absent_status
from cameras.status.reader import parse_status
from core.broker import broker
from core.times.timestamps import stamp_or_none

STATUS_TTL_S = 5
# A host that is away for longer is not listed in `skycam status`.
KNOWN_CAMERAS_TTL_S = 7 * 86_400


def write_status(server: redis.Redis, status: Status, *, renews: bool = False) -> None:
    """`renews`: this process has written it a moment ago, so that it has an expiry already."""
    name = broker.key("status", status["camera"])
    # MULTI: a status without its expiry, left by a kill between the two, would show a dead host as alive for ever.
    pipe = server.pipeline(transaction=not renews)
    pipe.hset(name, mapping={field: json.dumps(value) for field, value in status.items()})
    pipe.expire(name, STATUS_TTL_S)
    pipe.execute()


def write_known_cameras(server: redis.Redis, host: str, statuses: Iterable[Status]) -> None:
    """Write which cameras a host has, for `cameras.status.reader`. It outlives the host, so that its cameras are listed
    as host_down."""
    known = {status["camera"]: status["desired"] for status in statuses}
    server.set(broker.key("cameras", host), json.dumps(known), ex=KNOWN_CAMERAS_TTL_S)


def read_status(camera: Camera) -> Status:
    """BrokerDown when the broker is away; host_down when the host does not write."""
    return read_statuses([camera])[camera.slug]


def read_statuses(cameras: Iterable[Camera]) -> dict[str, Status]:
    """Slug -> status, in one round trip. The holders come from the rows, which are newer."""
    listed = list(cameras)
    found, holders = (
        read_statuses_by_slug({camera.slug: desired_connection(camera) for camera in listed}),
        holders_of(listed),
    )
    for camera in listed:
        # A host writes the holder once a second; a user who has just taken the camera must be shown at once.
        found[camera.slug] = {**found[camera.slug], **holder_fields(holders[camera.pk])}
    return found


def read_fields(slugs: Iterable[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Slug -> these fields of its status, in one round trip; without the cameras whose host does not write one. A
    fraction of the work of whole statuses. BrokerDown."""
    listed = list(slugs)
    with broker.reachable() as server:
        pipe = server.pipeline(transaction=False)
        for slug in listed:
            pipe.hmget(broker.key("status", slug), list(fields))
        found = pipe.execute()
    return {
        slug: {field: json.loads(text or "null") for field, text in zip(fields, texts, strict=True)}
        for slug, texts in zip(listed, found, strict=True)
        if any(text is not None for text in texts)
    }


class Observation(NamedTuple):
    """The observed state of a camera; `since` is a time stamp, or None while it is unknown."""

    observed: str
    reason: str
    since: str | None


def read_observations(cameras: Iterable[Camera]) -> dict[str, Observation]:
    """Slug -> what its host reports now. The last recorded state while the broker is away, and of a camera that its
    host has not read yet."""
    listed = list(cameras)
    recorded = {
        one.slug: Observation(one.observed, one.observed_reason, stamp_or_none(one.observed_at)) for one in listed
    }
    try:
        found = read_fields(recorded, Observation._fields)
        beats = read_heartbeats({one.host for one in listed if one.slug not in found})
    except broker.BrokerDown:
        return recorded
    silent = {
        one.slug: Observation("host_down", HOST_SILENT, None)
        for one in listed
        if one.slug not in found and beats[one.host] is None
    }
    return recorded | silent | {slug: Observation(**fields) for slug, fields in found.items()}


def read_heartbeats(names: Iterable[str]) -> dict[str, Heartbeat | None]:
    """Host -> its heartbeat; None while it does not beat. BrokerDown."""
    listed = sorted(names)
    if not listed:
        return {}
    with broker.reachable() as server:
        beats = cast("list[str | None]", server.mget([broker.key("host", name) for name in listed]))
    return {name: None if beat is None else json.loads(beat) for name, beat in zip(listed, beats, strict=True)}


def read_statuses_by_slug(desired: Mapping[str, str]) -> dict[str, Status]:
    """Slug -> status, from slug -> desired, in one round trip."""
    with broker.reachable() as server:
        pipe = server.pipeline(transaction=False)
        for slug in desired:
            pipe.hgetall(broker.key("status", slug))
        found = pipe.execute()
    return {
        slug: parse_status(fields) if fields else absent_status(slug, desired_there)
        for (slug, desired_there), fields in zip(desired.items(), found, strict=True)
    }


def clock_ahead_s(server: redis.Redis) -> float:
    """How far this machine's clock is ahead of the broker's, in seconds; negative when it is behind. It is right to
    half the time of the answer. Raises redis.RedisError and OSError."""
    before = time.time()
    there = broker.time_ms(server) / 1000
    return (before + time.time()) / 2 - there


def supersedes(read_at: datetime, known: datetime | None) -> bool:
    """Whether a reading of `read_at` supersedes the known one. An older reading never supersedes a newer one, unless
    the known one lies in the future because the clock was set back."""
    return known is None or known <= read_at or known > timezone.now()
