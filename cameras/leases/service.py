"""Leases on cameras: acquire, renew, take over, release; their requests and answers. The reasons:
docs/decisions/lease.md."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypedDict
from uuid import UUID

from django.db import transaction
from pydantic import ConfigDict, Field

from cameras.command_events import DONE, command_data, record_refusals
from cameras.leases.lease_holders import LEASE_S, LONGEST_S, LeaseHeld, LeaseHolder, holder_of, lease_end, lease_of
from cameras.models import Camera
from core import database_clock
from core.events.service import record_event
from core.resources.fields import Fields
from core.text.names import person
from core.text.sentences import sentence
from core.times.timestamps import stamp


def acquire_lease(camera: Camera, actor: str, *, over: bool = False, seen: str = "", for_s: float = LEASE_S) -> Camera:
    """The camera's row, held by `actor` for at least `for_s` seconds from now. `actor`'s own lease is renewed.

    LeaseHeld when another user holds it and `over` is false, or when the holder is no longer the one that `actor` has
    `seen`.
    """
    with record_refusals(camera, "take", actor, {"over": over}), transaction.atomic():
        # Of two users who press at once, the second one reads the lease of the first here: PostgreSQL waits for the
        # row's lock, and SQLite, which has no such locks, for the transaction, as all begin IMMEDIATE.
        locked = Camera.objects.select_for_update().get(pk=camera.pk)
        holder, lease = holder_of(locked), lease_of(locked)
        if holder is None or holder.held_by == person(actor):
            # A lease here is always the actor's own, since a lease overrides a session; without one, the actor holds
            # the camera by a running session, or no one does.
            return _extend_lease(locked, for_s) if lease else _store_new_lease(locked, actor, for_s)
        if not over or seen not in {"", holder.held_by}:
            raise LeaseHeld(holder)
        return _store_new_lease(locked, actor, for_s, holder)


def _extend_lease(locked: Camera, for_s: float) -> Camera:
    """A lease is never shortened."""
    assert locked.held_until
    # A program may hold the camera for a day, and its user may open the page, which requests only a minute.
    locked.held_until = max(locked.held_until, lease_end(for_s))
    locked.save(update_fields=["held_until"])
    return locked


def _store_new_lease(locked: Camera, actor: str, for_s: float, other: LeaseHolder | None = None) -> Camera:
    locked.held_by, locked.held_since, locked.held_until = person(actor), database_clock.estimate(), lease_end(for_s)
    # The page of the previous holder shows who took the camera over.
    locked.taken_from = other.held_by if other else ""
    _save_lease(locked)
    over = f" over from {other.label}" if other else ""
    record_event(
        "camera.taken",
        sentence("{who} took {camera}{over}.", who=actor, camera=locked, over=over),
        severity="warning" if other else "info",
        camera=locked,
        actor=actor,
        data={"from": locked.taken_from, **command_data("take", {"over": bool(other), "for_s": for_s}, DONE)},
    )
    return locked


def take_over_for_run(camera: UUID, held_by: str, run: str, actor: str, at: datetime) -> None:
    """At `at` a planned run took the camera over from the user `held_by`, whose lease ends. In the caller's
    transaction."""
    locked = Camera.objects.select_for_update().get(pk=camera)
    lease = lease_of(locked)
    # A user may have taken the camera since, also this one: that lease is newer than the run.
    if lease is not None and lease.holder.held_by == held_by and lease.holder.since <= at:
        locked.held_by, locked.held_since, locked.held_until, locked.taken_from = "", None, None, ""
        _save_lease(locked)
    message = sentence(
        "The planned run {run} took {camera} over from {held_by}.", run=run, camera=locked, held_by=held_by
    )
    record_event("camera.taken", message, severity="warning", camera=locked, actor=actor, data={"from": held_by})


def renew_lease(camera: Camera, actor: str) -> bool:
    """Extend `actor`'s lease to LEASE_S from now; False when `actor` no longer holds one. Never acquires."""
    # One conditional UPDATE instead of a lock, and no event: each open page does this every 20 s.
    mine = Camera.objects.filter(pk=camera.pk, held_by=person(actor), held_until__gt=database_clock.now())
    # Longer leases of programs are not shortened.
    mine.filter(held_until__lt=lease_end(LEASE_S)).update(held_until=lease_end(LEASE_S))
    # Not the number of updated rows: a longer lease needs no update, and is held all the same.
    return mine.exists()


def release_lease(camera: Camera, actor: str, *, over: bool = False) -> Camera:
    """The camera's row, without a lease. LeaseHeld when another user holds it and `over` is false."""
    with record_refusals(camera, "release", actor, {"over": over}), transaction.atomic():
        locked = Camera.objects.select_for_update().get(pk=camera.pk)
        lease = lease_of(locked)
        if lease is None:
            # An expired lease writes no event: no one acted.
            return locked
        holder = lease.holder
        others = holder.held_by != person(actor)
        if others and not over:
            raise LeaseHeld(holder)
        locked.held_by, locked.held_since, locked.held_until, locked.taken_from = "", None, None, ""
        _save_lease(locked)
        held = f", held by {holder.held_by}" if others else ""
        record_event(
            "camera.released",
            sentence("{who} released {camera}{held}.", who=actor, camera=locked, held=held),
            severity="warning" if others else "info",
            camera=locked,
            actor=actor,
            data={"from": holder.held_by, **command_data("release", {"over": others}, DONE)},
        )
        return locked


def _save_lease(locked: Camera) -> None:
    locked.save(update_fields=["held_by", "held_since", "held_until", "taken_from"])


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
