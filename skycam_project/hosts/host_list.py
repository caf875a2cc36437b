"""The hosts of the station as pages, API and command line show them. Drain a host: what runs there ends at its next
window, and nothing new starts. Nothing is moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from django.db import connection, transaction
from django.utils import timezone

from cameras.models import Camera, CameraHost
from cameras.selectors import cameras_for
from cameras.spool.agenda import Agenda
from cameras.status import status
from cameras.status.messages import Heartbeat
from cameras.status.process_usage import HISTORY_READER
from cameras.status.status import read_heartbeats
from cameras.supervision.desired_state import DesiredState
from captures.models import Session, StorageRoot
from captures.sessions.desired import stop_session_at_its_window
from captures.storage.usage.models import RootSpace
from core import database_clock
from core.broker.broker import BrokerDown
from core.events.service import record_event
from core.jobs.models import Job
from core.jobs.states import JobState
from core.postgresql.application import APPLICATION
from core.text.sentences import pluralize
from core.times.timestamps import stamp, stamp_or_none
from skycam_project.hosts.invitations import HostRefused


@transaction.atomic
def drain_host(name: str, actor: str) -> CameraHost:
    """A host that is drained already stays as it is. CameraHost.DoesNotExist; HostRefused for a retired one."""
    host = CameraHost.objects.select_for_update().get(pk=name)
    if host.retired_at is not None:
        raise HostRefused(f"The host {name} was retired on {host.retired_at:%Y-%m-%d}. There is nothing to drain.")
    if host.draining_since is None:
        host.draining_since, host.draining_by, host.drained_at = database_clock.read_now(), actor, None
        host.save(update_fields=["draining_since", "draining_by", "drained_at"])
        message = f"{actor or 'Someone'} drains the host {name}: nothing new starts there."
        record_event("host.draining", message, camera=None, actor=actor, subject=name)
        # Its Supervisor notes it otherwise; one without cameras reads no states, and one that is off runs nothing.
        note_if_drained(name)
        host.refresh_from_db()
    return host


@transaction.atomic
def undrain_host(name: str, actor: str) -> CameraHost:
    """Sessions that were stopped are not started again; recordings that were requested go on.
    CameraHost.DoesNotExist."""
    host = CameraHost.objects.select_for_update().get(pk=name)
    if host.draining_since is not None:
        host.draining_since, host.draining_by, host.drained_at = None, "", None
        host.save(update_fields=["draining_since", "draining_by", "drained_at"])
        message = f"{actor or 'Someone'} ended the draining of the host {name}."
        record_event("host.undrained", message, camera=None, actor=actor, subject=name)
    return host


def states_while_drained(
    host: str, cameras: Iterable[Camera], states: Mapping[str, DesiredState]
) -> dict[str, DesiredState]:
    """For the Supervisor of a host that is drained, each second: sessions end at their window, no run of a schedule
    begins, and a recording ends with the session of its camera."""
    for camera in cameras:
        stop_session_at_its_window(camera)
    note_if_drained(host)
    return {name: _state_while_drained(state) for name, state in states.items()}


def _state_while_drained(state: DesiredState) -> DesiredState:
    session = state.session["id"] if state.session else ""
    agenda = state.agenda
    if agenda is not None:
        agenda = Agenda(programmes=agenda["programmes"], runs=[run for run in agenda["runs"] if run["id"] == session])
    return replace(state, agenda=agenda, recording=state.recording if session else None)


def note_if_drained(host: str) -> None:
    """Record that nothing runs any more on a host that is drained."""
    drained = CameraHost.objects.filter(pk=host, draining_since__isnull=False, drained_at=None)
    if drained.exists() and not what_runs(host) and drained.update(drained_at=timezone.now()):
        record_event("host.drained", f"Nothing runs on the host {host} any more.", camera=None, subject=host)


def what_runs(host: str) -> list[str]:
    """What keeps the host from being drained, as `3 sessions`; empty when nothing runs."""
    sessions = Session.objects.active().filter(camera__host=host).count()
    jobs = Job.objects.filter(host=host, state=JobState.RUNNING.value).count()
    counts = (("session", sessions), ("recording", _recordings(host)), ("job", jobs))
    return [pluralize(count, noun) for noun, count in counts if count]


def _recordings(host: str) -> int:
    """How many cameras write a clip. One that is to record counts while its host, or the broker, is silent: a host that
    is cut off goes on recording."""
    desired = dict(Camera.objects.present().filter(host=host).values_list("slug", "recording"))
    try:
        seen = status.read_fields(desired, ["recording"])
    except BrokerDown:
        seen = {}
    return sum(bool(seen[slug]["recording"]) if slug in seen else bool(kind) for slug, kind in desired.items())


RECENT_S = 30.0


class PartBody(TypedDict):
    """`cpu_percent` of one processor; null in the first seconds."""

    name: str
    cpu_percent: float | None
    memory_bytes: int


class DiskBody(TypedDict):
    """As it was measured last, at `measured`."""

    root: str
    path: str | None
    free_bytes: int | None
    total_bytes: int | None
    measured: str | None


class CameraHostBody(TypedDict):
    """`state`: running, draining, drained, away or retired; null while the broker is away and it is unknown.
    `address`, `connections` and the paths of disks are for managers."""

    name: str
    state: str | None
    alive: bool | None
    last_heartbeat: str | None
    version: str
    schema: int | None
    protocol: int | None
    started: str | None
    clock: str
    clock_offset_s: float | None
    clock_offset_at: str | None
    cameras: list[str]
    parts: list[PartBody]
    disks: list[DiskBody]
    draining_since: str | None
    draining_by: str
    drained: str | None
    runs: list[str]
    retired: str | None
    retired_by: str
    retired_files: str
    address: str | None
    connections: dict[str, int] | None


def host_bodies(user: Any, names: Sequence[str] | None = None) -> list[CameraHostBody]:
    """All hosts by name, or those of `names`. A retired host stays listed."""
    rows = CameraHost.objects.order_by("name")
    hosts = list(rows if names is None else rows.filter(pk__in=names))
    facts = _Facts(user, hosts)
    return [facts.body(host) for host in hosts]


def host_body(user: Any, name: str) -> CameraHostBody:
    """CameraHost.DoesNotExist."""
    if not (found := host_bodies(user, [name])):
        raise CameraHost.DoesNotExist
    return found[0]


class _Facts:
    """What is known of some hosts, read with one question of each kind."""

    def __init__(self, user: Any, hosts: list[CameraHost]) -> None:
        self._is_manager = bool(user.may("manager"))
        names = [host.name for host in hosts]
        self._now = database_clock.read_now()
        self._beats = _beats(names)
        self._histories = HISTORY_READER.read(names)
        self._cameras: dict[str, list[str]] = defaultdict(list)
        for slug, host in cameras_for(user).order_by("slug").values_list("slug", "host"):
            self._cameras[host].append(slug)
        self._disks = _disks(names, with_paths=self._is_manager)
        self._connections = _connections() if self._is_manager else None

    def body(self, host: CameraHost) -> CameraHostBody:
        beat = None if self._beats is None else self._beats[host.name]
        alive = None if self._beats is None else beat is not None
        connections = None
        if self._connections is not None:
            connections = dict(self._connections.get(host.name, {}))
        return CameraHostBody(
            name=host.name, state=state_of(host, alive=alive), alive=alive, last_heartbeat=self._last(host, beat),
            version=_version(host, beat), schema=host.schema, protocol=host.protocol,
            started=stamp_or_none(host.started_at), clock=beat.get("clock", "") if beat else "",
            clock_offset_s=host.clock_offset_s, clock_offset_at=stamp_or_none(host.clock_offset_at),
            cameras=self._cameras[host.name], parts=self._parts(host.name), disks=self._disks[host.name],
            draining_since=stamp_or_none(host.draining_since), draining_by=host.draining_by,
            drained=stamp_or_none(host.drained_at),
            runs=what_runs(host.name) if host.draining_since and not host.drained_at else [],
            retired=stamp_or_none(host.retired_at), retired_by=host.retired_by, retired_files=host.retired_files,
            address=host.address if self._is_manager else None, connections=connections,
        )  # fmt: skip

    def _last(self, host: CameraHost, beat: Heartbeat | None) -> str | None:
        if beat and "at" in beat:
            return beat["at"]
        # Away: its lease was last renewed then, and its clock measured.
        return stamp_or_none(host.clock_offset_at)

    def _parts(self, name: str) -> list[PartBody]:
        newest = self._histories[name].newest
        if newest is None or abs(self._now.timestamp() - newest["at"]) > RECENT_S:
            return []
        return [
            PartBody(name=part, cpu_percent=usage["cpu_percent"], memory_bytes=usage["memory_bytes"])
            for part, usage in newest["usage"].items()
            if not part.startswith("camera:")
        ]


def _version(host: CameraHost, beat: Heartbeat | None) -> str:
    return (beat.get("version", "") if beat else "") or host.version


def state_of(host: CameraHost, *, alive: bool | None) -> str | None:
    if host.retired_at is not None:
        return "retired"
    if host.drained_at is not None:
        return "drained"
    if alive is False:
        return "away"
    if host.draining_since is not None:
        return "draining"
    return None if alive is None else "running"


def _beats(names: Iterable[str]) -> dict[str, Heartbeat | None] | None:
    """By host, None for one that is silent; None for all while the broker is away."""
    try:
        return read_heartbeats(names)
    except BrokerDown:
        return None


def _disks(names: list[str], *, with_paths: bool) -> dict[str, list[DiskBody]]:
    found: dict[str, list[DiskBody]] = defaultdict(list)
    spaces: dict[Any, RootSpace] = {}
    for space in RootSpace.objects.filter(root__host__in=names).order_by("day"):
        spaces[space.root_id] = space  # the newest one stays
    for root in StorageRoot.objects.filter(host__in=names).order_by("path"):
        newest = spaces.get(root.pk)
        body = DiskBody(root=str(root.pk), path=root.path if with_paths else None, free_bytes=None, total_bytes=None,
                        measured=None)  # fmt: skip
        if newest:
            body |= DiskBody(root=str(root.pk), path=body["path"], free_bytes=newest.free_bytes,
                             total_bytes=newest.total_bytes, measured=stamp(newest.measured_at))  # fmt: skip
        found[root.host].append(body)
    return found


def _connections() -> dict[str, Counter[str]] | None:
    """Host -> part -> its connections to the database; None where that is unknown, as with SQLite."""
    if connection.vendor != "postgresql":
        return None
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND starts_with(application_name, %s) GROUP BY application_name",
            [APPLICATION],
        )
        for name, count in cursor.fetchall():
            host, _, part = name.removeprefix(APPLICATION).partition("/")
            found[host][part] += count
    return found


def cameras_of(host: str) -> list[Camera]:
    """The cameras that a host must lose before it can be retired."""
    return list(Camera.objects.present().filter(host=host).order_by("slug"))


def offset_text(offset_s: float | None) -> str:
    """`+3 ms`, how far a host's clock is ahead of the database's; empty while it is unknown."""
    if offset_s is None:
        return ""
    return f"{offset_s * 1000:+.0f} ms" if abs(offset_s) < 1 else f"{offset_s:+.1f} s"
