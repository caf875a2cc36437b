"""Leases as JSON."""

from __future__ import annotations

from typing import TypedDict

from cameras.leases.lease_holders import lease_of
from cameras.models import Camera
from core.times.timestamps import stamp


class LeaseBody(TypedDict):
    """The holder of the lease, since when, and when it expires unless renewed; null without a lease."""

    camera: str
    held_by: str | None
    since: str | None
    until: str | None


def lease_body(camera: Camera) -> LeaseBody:
    """From the row as it was read."""
    lease = lease_of(camera)
    if lease is None:
        return LeaseBody(camera=camera.slug, held_by=None, since=None, until=None)
    holder = lease.holder
    return LeaseBody(camera=camera.slug, held_by=holder.held_by, since=stamp(holder.since), until=stamp(lease.until))
