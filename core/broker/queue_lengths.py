"""How many messages wait in the broker: Celery's queues, and the lists of commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from django.conf import settings

from core.broker import broker
from core.broker.queues import STATION_QUEUE, camera_queue, files_queue, jobs_queue, key_prefix


def queue_lengths(hosts: Iterable[str]) -> dict[str, int]:
    """Queue -> messages that wait. Commands of a camera host count in one queue, whichever of its two ways they came.
    Raises BrokerDown."""
    hosts = list(hosts)
    names = [STATION_QUEUE, *(name(host) for host in hosts for name in (jobs_queue, files_queue, camera_queue))]
    commands = [camera_queue(host) for host in hosts]
    prefix = key_prefix(settings.STATION.station.id)
    with broker.reachable() as server:
        pipe = server.pipeline(transaction=False)
        for key in (*(f"{prefix}{name}" for name in names), *map(broker.key, commands)):
            pipe.llen(key)
        found = cast("list[int]", pipe.execute())
    lengths = dict(zip(names, found, strict=False))
    for name, number in zip(commands, found[len(names) :], strict=True):
        lengths[name] += number
    return lengths
