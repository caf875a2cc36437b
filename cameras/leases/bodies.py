"""Requests and answers about leases."""

from __future__ import annotations

from typing import Annotated, TypedDict

from pydantic import ConfigDict, Field

from cameras.leases.lease_holders import LEASE_S, LONGEST_S, lease_of
from cameras.models import Camera
from core.resources.fields import Fields
from core.times.timestamps import stamp


class ReleaseLeaseBody(Fields):
    model_config = ConfigDict(strict=True)

    over: Annotated[
        bool, Field(description="Take over or release the camera even if another user holds it; they are notified.")
    ] = False


class AcquireLeaseBody(ReleaseLeaseBody):
    for_s: Annotated[
        # A program that ends without releasing the camera holds it that long.
        int, Field(ge=1, le=LONGEST_S, description="Seconds from now until it runs out; taking again renews it.")
    ] = LEASE_S


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
