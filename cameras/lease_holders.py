"""Who controls a camera: whoever has taken it, else whoever started the session that runs on it, else nobody.

Why it is as it is: docs/decisions/lease.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from django.utils import timezone

from cameras.control import ControlError
from cameras.models import Camera
from cameras.tables import LEASE_HOLDERS, resolve
from core.names import is_station_actor
from monitoring.bodies import stamp

LEASE_S = 60
LONGEST_S = 86_400
CLI = "cli:"
STATION = "the station"
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """Who has a camera; `session` is the id of the session that holds it for them, `run` its name if it has one. Both
    are empty for a lease."""

    camera: str
    held_by: str
    since: datetime
    session: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """As the row has it; it may have run out since it was read."""

    holder: LeaseHolder
    until: datetime
    taken_from: str

    @property
    def runs(self) -> bool:
        return self.until > timezone.now()


class HolderFields(TypedDict):
    """Of the status: who holds the camera, and since when."""

    held_by: str | None
    held_since: str | None


class LeaseHeld(ControlError):
    """Another holds the camera. The message says who, since when, and what to do."""

    problem = "held"

    def __init__(self, holder: LeaseHolder) -> None:
        self.holder = holder
        super().__init__(self.sentence(holder.camera, f"{holder.since:%Y-%m-%d %H:%M:%SZ}"))

    def sentence(self, camera: str, since: str) -> str:
        """With the camera and the time in the words of whoever reads it: a page has its name and local times."""
        by = f"{self.holder.held_by} since {since}"
        if self.holder.session:
            return f"{camera} is held by {by} with {_run(self.holder)}. Ask them to stop it, or take it over."
        return f"{camera} is held by {by}. Ask them to release it, or take it over."

    @property
    def members(self) -> dict[str, str]:
        """Of the problem, besides its sentence."""
        session = {"session": self.holder.session} if self.holder.session else {}
        return {**session, "held_by": self.holder.held_by, "since": stamp(self.holder.since)}


class SessionRunning(LeaseHeld):
    """What nobody does beside a session, not even whoever holds the camera."""

    def sentence(self, camera: str, since: str) -> str:
        started = f"It was started by {self.holder.held_by} at {since}."
        return f"{camera} runs {_run(self.holder)}. Stop it first. {started}"


def _run(holder: LeaseHolder) -> str:
    return f"the session {holder.run}" if holder.run else "a session"


def person(actor: str) -> str:
    """Whom an actor's name stands for: somebody at the command line is the user of the same name, unless the name is
    one of the station's own."""
    name = actor.removeprefix(CLI)
    return actor if is_station_actor(name) else name or STATION


def lease_of(camera: Camera) -> Lease | None:
    """By the row as it was read; None when nobody has taken it, or the lease has run out."""
    if not camera.held_by or camera.held_since is None or camera.held_until is None:
        return None
    lease = Lease(LeaseHolder(camera.slug, camera.held_by, camera.held_since), camera.held_until, camera.taken_from)
    return lease if lease.runs else None


def who_holds(lease: Lease | None, session: LeaseHolder | None) -> LeaseHolder | None:
    """The rule. A lease that has run out leaves the camera to its session."""
    return lease.holder if lease and lease.runs else session


def session_holders(cameras: Iterable[Camera]) -> Mapping[UUID, LeaseHolder]:
    """By camera: who started what runs on it."""
    found: Mapping[UUID, LeaseHolder] = resolve(LEASE_HOLDERS["session"])(cameras)
    return found


def holders_of(cameras: Iterable[Camera]) -> dict[UUID, LeaseHolder | None]:
    """By camera, and by their rows as they were read: in one query."""
    listed = list(cameras)
    sessions = session_holders(listed)
    return {camera.pk: who_holds(lease_of(camera), sessions.get(camera.pk)) for camera in listed}


def holder_of(camera: Camera) -> LeaseHolder | None:
    """By its row as it was read."""
    lease = lease_of(camera)
    return lease.holder if lease else session_holders([camera]).get(camera.pk)


def holder_fields(holder: LeaseHolder | None) -> HolderFields:
    if holder is None:
        return HolderFields(held_by=None, held_since=None)
    return HolderFields(held_by=holder.held_by, held_since=stamp(holder.since))


def check_holder(camera: Camera, actor: str) -> None:
    """LeaseHeld when somebody else than `actor` holds the camera, by its row as it was read."""
    holder = holder_of(camera)
    if holder is not None and holder.held_by != person(actor):
        raise LeaseHeld(holder)


def check_holder_now(camera: Camera, actor: str) -> None:
    """`check_holder` by its row as it stands; `camera` was read before."""
    check_holder(
        Camera.objects.only("slug", "held_by", "held_since", "held_until", "taken_from").get(pk=camera.pk), actor
    )


def check_no_session(camera: Camera) -> None:
    """SessionRunning, whoever asks."""
    if holder := session_holders([camera]).get(camera.pk):
        raise SessionRunning(holder)


def lease_end(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)
