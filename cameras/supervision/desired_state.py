"""The desired states of this host's cameras, as plain values that stay usable while the database is away, and the
sessions that have ended."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from cameras.draining import on_draining_host
from cameras.leases import Lease, LeaseHolder, lease_of, session_holders
from cameras.models import Camera
from cameras.runtime.disk_reserve import DISK_RESERVE_BYTES
from cameras.runtime.file_formats import DEFAULT_FORMATS
from cameras.runtime.spec import HeldLease, Recording, Spec, TelescopeSpec
from cameras.spool.agenda import Agenda
from cameras.spool.records import StillFormats
from cameras.spool.session_files import DesiredSession
from cameras.spool.spool import spool_folder
from cameras.status.messages import OpenAlert
from cameras.supervision.usb import UsbIdentity
from cameras.tables import AGENDAS, CONSUMERS, DRAINING, PROGRAMMES, ROOTS
from core import database_clock
from core.dataclass_json import dataclass_from_json
from core.registry import resolve
from core.station_settings import live_streaming_config, site_config

REMEMBERED_SESSIONS = 1000


class EndedSessions(Container[str]):
    """The last REMEMBERED_SESSIONS that ended. Only the database thread adds; the value is replaced whole, so any
    thread may read it."""

    def __init__(self) -> None:
        self._sessions: tuple[str, ...] = ()

    def add(self, session: str) -> None:
        """Call it before the session's file is removed from the spool."""
        self._sessions = (*self._sessions[1 - REMEMBERED_SESSIONS :], session)

    def __contains__(self, session: object) -> bool:
        return session in self._sessions


CLOCK_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class DesiredState:
    id: str
    slug: str
    kind: str
    # With the password of a network camera, which no log may show.
    address: str = field(repr=False)
    settings: dict[str, Any]
    enabled: bool
    connected: bool
    removed: bool
    session: DesiredSession | None
    recording: Recording | None
    root: str
    root_path: str
    video_root: str
    video_root_path: str
    part: str = ""
    """Subfolder of the spool: `clips` in the result of `of_clips`."""
    usb: UsbIdentity | None = None
    """As it was when the camera was last opened."""
    lease: Lease | None = None
    held_lease: HeldLease | None = None
    """The lease, for the camera process."""
    runner: LeaseHolder | None = None
    """Who started the session."""
    presets: dict[str, Any] = field(default_factory=dict)
    """The live view presets."""
    agenda: Agenda | None = None
    """The sessions that it begins by itself; None while they are not known."""
    formats: StillFormats = field(default_factory=lambda: DEFAULT_FORMATS)
    """The files to make of stills."""
    site: dict[str, Any] = field(default_factory=dict)
    """Where the camera stands: the fields of `SiteConfig`."""
    elsewhere: bool = False
    """Its row names another host now; what is left here is finished."""
    fenced: bool = False
    """Another machine has this host's name. What is left here waits in the spool."""

    @property
    def runs(self) -> bool:
        return self.enabled and self.connected and not self.removed and not self.elsewhere and not self.fenced

    @property
    def connection(self) -> str:
        if not self.enabled:
            return "disabled"
        return "connected" if self.connected else "disconnected"

    @property
    def place(self) -> tuple[str, ...]:
        """What cannot change while a process runs."""
        return (
            self.kind, self.address, self.slug, self.root, self.root_path, self.video_root, self.video_root_path,
        )  # fmt: skip

    @property
    def of_clips(self) -> DesiredState:
        """The same camera, with the spool and the root of its clips."""
        # Without the session, which is in the spool of the captures: each sweep would try to stop it here as well.
        return replace(self, root=self.video_root, root_path=self.video_root_path, part="clips", session=None)

    def spec(self, decided: dict[str, str] | None, faults: dict[str, Any] | None = None) -> Spec:
        station = settings.STATION
        spec = Spec(
            camera=self.id,
            slug=self.slug,
            kind=self.kind,
            address=self.address,
            settings=self.settings,
            sources=[str(folder) for folder in station.sources],
            root=self.root,
            root_path=self.root_path,
            video_root=self.video_root,
            video_root_path=self.video_root_path,
            station=station.station.id,
            site=self.site,
            file_names=station.file_names,
            margin_s=station.supervision.margin_s,
            clock_wait_s=CLOCK_WAIT_S,
            consumers=CONSUMERS,
            session=self.session,
            recording=self.recording,
            formats=self.formats,
            decided_outcome=decided,
            disk_reserve_bytes=DISK_RESERVE_BYTES,
            presets=self.presets,
            lease=self.held_lease,
            outgoing=station.outgoing.rules(),
            faults=faults or {},
        )
        if self.agenda is not None:
            spec["agenda"] = self.agenda
        if (telescope := self._telescope()) is not None:
            spec["telescope"] = telescope
        return spec

    def _telescope(self) -> TelescopeSpec | None:
        """That on which this camera stands, by the configuration of the host."""
        if self.kind != "telescope":
            return None
        telescopes = settings.STATION.telescopes
        found = next((one for one in telescopes if self.slug in one.cameras), None)
        found = found or next((one for one in telescopes if not one.cameras), None)
        return TelescopeSpec(source=found.source, settings=found.settings) if found else None


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """What the database holds of this host's cameras and of the station, read at one moment."""

    cameras: Mapping[str, DesiredState]
    is_complete: bool
    """Whether these are all cameras of this host. Without the lease on the host's name there are none."""
    read_at: float
    """When reading started, in time.monotonic()."""
    live: Any
    """The live view settings: `LiveStreamingConfig`."""
    recording: dict[str, Any]
    """The recording settings."""
    station_name: str
    open_alerts: list[OpenAlert] = field(default_factory=list)
    time_zone: str = ""
    """The name of the site's; empty until it was read."""
    database_ahead_s: float | None = None
    """How far this machine's clock is ahead of the database's; None for a database without a clock of its own."""
    is_draining: bool = False
    """Whether a manager drains this host."""
    is_refused: bool = False
    """Whether another machine has this host's name: no camera may be driven here."""


def desired_states(host: str) -> dict[str, DesiredState]:
    """By the camera's UUID; also removed cameras, because their spool may still hold records."""
    of_class, own_root = resolve(ROOTS["of_class"]), resolve(ROOTS["own"])
    root, video = of_class(host, "captures"), of_class(host, "clips")
    cameras = list(Camera.objects.filter(host=host).annotate(is_draining=on_draining_host()))
    # For all cameras at once: this runs each second.
    runners, agendas = session_holders(cameras), resolve(AGENDAS["planned"])(cameras)
    sessions = resolve(PROGRAMMES["sessions"])(cameras)
    found = {
        camera.pk: _desired_state(camera, own_root(camera) or root, video, sessions.get(camera.pk))
        for camera in cameras
    }
    presets, site = live_streaming_config().quality_presets.model_dump(), site_config().model_dump()
    states = {
        str(pk): replace(desired, runner=runners.get(pk), agenda=agendas.get(pk), presets=presets, site=site)
        for pk, desired in found.items()
    }
    is_draining = any(getattr(camera, "is_draining", False) for camera in cameras)
    return resolve(DRAINING["states"])(host, cameras, states) if is_draining else states


def held_lease(lease: Lease) -> HeldLease:
    return HeldLease(held_by=lease.holder.held_by, until_boot_s=database_clock.boot_s_at(lease.until))


def _desired_state(
    camera: Camera, root: dict[str, Any], video: dict[str, Any], session: DesiredSession | None
) -> DesiredState:
    lease = lease_of(camera)
    return DesiredState(
        id=str(camera.id),
        slug=camera.slug,
        kind=camera.kind,
        address=camera.full_address,
        settings=camera.settings,
        enabled=camera.enabled,
        connected=camera.connected,
        removed=camera.removed_at is not None,
        session=session,
        recording=resolve(PROGRAMMES["recording"])(camera),
        formats=StillFormats(keep=camera.keep, fits_compression=camera.fits_compression),
        root=root["id"],
        root_path=root["path"],
        video_root=video["id"],
        video_root_path=video["path"],
        lease=lease,
        held_lease=held_lease(lease) if lease else None,
        usb=dataclass_from_json(UsbIdentity, camera.identity["usb"]) if camera.identity.get("usb") else None,
    )


def spools_of_moved_cameras(host: str, known: Iterable[str]) -> list[DesiredState]:
    """Cameras of other hosts, not `known` here, for each root of this host that still holds their spool: they were
    moved while this host was away."""
    roots = resolve(ROOTS["all"])(host)
    return [
        _moved_camera(camera, root)
        for camera in Camera.objects.exclude(host=host).exclude(pk__in=list(known))
        for root in roots
        if Path(root["path"], spool_folder(str(camera.pk))).is_dir()
    ]


def _moved_camera(camera: Camera, root: dict[str, Any]) -> DesiredState:
    # The new host runs its session and its recording; here its spool is only emptied.
    return replace(_desired_state(camera, root, root, session=None), recording=None, elsewhere=True)


def spools_on_former_roots(host: str, desired_states: Mapping[str, DesiredState]) -> list[DesiredState]:
    """Cameras of `desired_states` that still have a spool on another root of this host: their root was changed."""
    roots = resolve(ROOTS["all"])(host)
    return [
        replace(desired, root=root["id"], root_path=root["path"], session=None)
        for camera in desired_states.values()
        for desired in (camera, camera.of_clips)
        for root in roots
        if root["id"] != desired.root and Path(root["path"], spool_folder(desired.id, desired.part)).is_dir()
    ]
