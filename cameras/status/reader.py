"""The state of the whole station, read from Redis without Django and redis-py.

`skycam status` answers in a fraction of a second; importing redis-py would take half of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from cameras.status.messages import Heartbeat, StationStatus, Status, absent_status
from core.broker.hiredis_client import open_client


def parse_status(fields: dict[str, str]) -> Status:
    """A status from its hash, each field of which is JSON."""
    # One call for all fields: each takes as long to begin as to read a short value.
    return cast(Status, dict(zip(fields, json.loads(f"[{','.join(fields.values())}]"), strict=True)))


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
    # A status that has expired since its name was read has no fields.
    cameras |= {slug: parse_status(hash_from_list(fields)) for slug, fields in zip(slugs, found, strict=True) if fields}
    return StationStatus(
        station=station,
        name=name or station,
        hosts=[heartbeat_body(host, beat) for host, beat in zip(hosts, beats, strict=True)],
        cameras=[cameras[slug] for slug in sorted(cameras)],
        alerts=json.loads(alerts or "[]"),
    )


def heartbeat_body(host: str, beat: str | None) -> Heartbeat:
    """Without a time if the heartbeat has just expired."""
    return cast(Heartbeat, {"host": host, **json.loads(beat or "{}")})


def hash_from_list(flat: Sequence[str]) -> dict[str, str]:
    """RESP2's flat list of a hash."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
