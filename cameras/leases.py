"""Leases on cameras: who controls one: the holder of its lease; else the user who started its running session; else
no one; and acquire, renew, take over, release. The reasons: docs/decisions/lease.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, TypedDict
from uuid import UUID

from django.db import transaction
from django.db.models import UUIDField
from pydantic import ConfigDict, Field

from cameras.command_events import DONE, command_data, record_refusals
from cameras.errors import CommandRefused
from cameras.models import Camera
from cameras.tables import LEASE_HOLDERS
from core import database_clock
from core.camera_names import CameraName
from core.events.service import record_event
from core.prepared_query import Parameter, PreparedQuery
from core.registry import resolve
from core.resources.fields import Fields
from core.station_zone import reader_time_text
from core.text.names import person
from core.text.sentences import Sentence, sentence
from core.times.timestamps import stamp

# An open page renews every 20 s, so that one lost renewal does not cost the lease.
LEASE_S = 60
LONGEST_S = 86_400
LEASE_COLUMNS = ("slug", "held_by", "held_since", "held_until", "taken_from")
LEASES = PreparedQuery(lambda: Camera.objects.only(*LEASE_COLUMNS).filter(pk=Parameter("camera", UUIDField())))


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """Who holds a camera. `session` is the id of the session that holds it for them, `run` its name; both are empty for
    a lease. `schedule` is the name of the schedule whose run the session is: then `held_by` made the schedule."""

    camera: CameraName
    held_by: str
    since: datetime
    session: str = ""
    run: str = ""
    schedule: str = ""

    @property
    def label(self) -> str:
        """`anna`, or `Schedule Twilight`."""
        return f"Schedule {self.schedule}" if self.schedule else self.held_by


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as the row has it. It may have expired since it was read."""

    holder: LeaseHolder
    until: datetime
    taken_from: str

    @property
    def runs(self) -> bool:
        return self.until > database_clock.estimate()


class HolderFields(TypedDict):
    """The status fields about the holder."""

    held_by: str | None
    held_since: str | None
    held_schedule: str | None


class LeaseHeld(CommandRefused):
    """Another user holds the camera. The message says who, since when, and what to do."""

    title = "Held by someone else"

    def __init__(self, holder: LeaseHolder) -> None:
        self.holder, self.since = holder, holder.since
        super().__init__(self.with_time(reader_time_text(holder.since)))

    def with_time(self, since: str) -> Sentence:
        holder = self.holder
        if holder.schedule:
            template = "{camera} is held by {by} since {since}. Stop its session, or take the camera over."
        elif holder.session:
            template = "{camera} is held by {by} since {since} with {run}. Ask them to stop it, or take it over."
        else:
            template = "{camera} is held by {by} since {since}. Ask them to release it, or take it over."
        return sentence(template, camera=holder.camera, by=holder.label, since=since, run=_run(holder))

    @property
    def members(self) -> dict[str, str]:
        """The problem's further fields."""
        session = {"session": self.holder.session} if self.holder.session else {}
        schedule = {"schedule": self.holder.schedule} if self.holder.schedule else {}
        return {**session, **schedule, "held_by": self.holder.held_by, "since": stamp(self.holder.since)}


class SessionRunning(LeaseHeld):
    """No user may do this while a session runs, not even the camera's holder."""

    title = "A session runs on the camera"

    def with_time(self, since: str) -> Sentence:
        return sentence(
            "{camera} runs {run}. Stop it first. It was started by {by} at {since}.",
            camera=self.holder.camera, run=_run(self.holder), by=self.holder.label, since=since,
        )  # fmt: skip


def _run(holder: LeaseHolder) -> str:
    return f"the session {holder.run}" if holder.run else "a session"


def lease_of(camera: Camera) -> Lease | None:
    """The lease in the row as it was read; None without one, or when it has expired."""
    if not camera.held_by or camera.held_since is None or camera.held_until is None:
        return None
    # An expired lease is still in the row: nothing clears it, so an expiry needs no process that watches for it.
    holder = LeaseHolder(CameraName(str(camera.pk), camera.slug), camera.held_by, camera.held_since)
    lease = Lease(holder, camera.held_until, camera.taken_from)
    return lease if lease.runs else None


def who_holds(lease: Lease | None, session: LeaseHolder | None) -> LeaseHolder | None:
    """The rule: a valid lease overrides a session."""
    return lease.holder if lease and lease.runs else session


def session_holders(cameras: Iterable[Camera]) -> Mapping[UUID, LeaseHolder]:
    """Camera id -> the user whose session runs on it."""
    found: Mapping[UUID, LeaseHolder] = resolve(LEASE_HOLDERS["session"])(cameras)
    return found


def holders_of(cameras: Iterable[Camera]) -> dict[UUID, LeaseHolder | None]:
    """Camera id -> holder, from the rows as they were read; one query."""
    listed = list(cameras)
    sessions = session_holders(listed)
    return {camera.pk: who_holds(lease_of(camera), sessions.get(camera.pk)) for camera in listed}


def holder_of(camera: Camera) -> LeaseHolder | None:
    """From the row as it was read."""
    lease = lease_of(camera)
    return lease.holder if lease else session_holders([camera]).get(camera.pk)


def holder_fields(holder: LeaseHolder | None) -> HolderFields:
    if holder is None:
        return HolderFields(held_by=None, held_since=None, held_schedule=None)
    return HolderFields(held_by=holder.held_by, held_since=stamp(holder.since), held_schedule=holder.schedule or None)


def check_holder(camera: Camera, actor: str, *, of_session: bool = False) -> None:
    """LeaseHeld when anyone but `actor` holds the camera, from the row as it was read. `of_session`: to stop, pause,
    resume or hand over its session, which each operator may where it is the run of a schedule."""
    holder = holder_of(camera)
    if holder is None or holder.held_by == person(actor) or (of_session and holder.schedule):
        return
    raise LeaseHeld(holder)


def check_holder_now(camera: Camera, actor: str, *, of_session: bool = False) -> None:
    """`check_holder` with the row read again, because `camera` may be out of date."""
    present = LEASES.first(camera=camera.pk)
    if present is None:
        raise Camera.DoesNotExist
    check_holder(present, actor, of_session=of_session)


def check_no_session(camera: Camera) -> None:
    """SessionRunning while a session runs, for every actor."""
    if holder := session_holders([camera]).get(camera.pk):
        raise SessionRunning(holder)


def lock_as_holder(camera: Camera, actor: str) -> Camera:
    """The present row, locked until the transaction ends. LeaseHeld when another user holds the camera,
    Camera.DoesNotExist when it has been removed meanwhile."""
    locked = Camera.objects.present().select_for_update().get(pk=camera.pk)
    # Under the lock: a takeover that was committed first is seen. One that comes later does not stop this command.
    check_holder(locked, actor)
    return locked


def lease_end(seconds: float) -> datetime:
    return database_clock.estimate() + timedelta(seconds=seconds)


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
