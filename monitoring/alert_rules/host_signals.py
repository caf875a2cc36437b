"""Signals of cameras, hosts, clocks and disks for the alert rules."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.db import DatabaseError, connection

from cameras.drivers import DRIVERS, driver_class
from cameras.models import Camera, desired_connection
from cameras.selectors import cameras_for
from cameras.status.messages import Status, blocking_gates
from cameras.status.status import read_fields, read_statuses_by_slug
from captures.roots.roots import all_roots
from core import database_clock
from core.broker import broker
from core.changes import ChangeGate
from core.times.clocks import read_kernel_clock
from monitoring.alert_rules.rule import Signal


class WatchedCamera(NamedTuple):
    id: str
    slug: str
    is_to_record: bool
    """As its row says. An experiment may have it recorded, too: its status says so."""


class SeenFrame(NamedTuple):
    frame: str | None
    seen_at: float
    """When this process saw it first, not its own time, as clocks jump."""
    is_first: bool


class FrameAges:
    """How long ago each camera of this host that is to record gave its last frame; since the begin of the recording for
    one that has given none. An idle camera is not read, so that no frame of it is missing: its age is 0. A camera that
    only takes stills has no age: its sessions have alerts of their own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._streaming = StreamingCameras()
        self._frames: dict[str, SeenFrame] = {}
        """Camera's id -> its newest frame."""

    def signals(self, host: str) -> Iterator[Signal]:
        """BrokerDown."""
        cameras = self._streaming.cameras(host)
        now = self._clock()
        statuses = read_statuses_by_slug({camera.slug: "connected" for camera in cameras})
        for camera in cameras:
            age, is_at_least = self._age(camera, statuses[camera.slug], now)
            yield Signal("frame_age", camera.slug, age, "s", (camera.id, camera.slug), is_at_least)
        here = {camera.id for camera in cameras}
        self._frames = {one: found for one, found in self._frames.items() if one in here}

    def _age(self, camera: WatchedCamera, status: Status, now: float) -> tuple[float | None, bool]:
        """And whether it may be older. None if it is not known whether the camera is to record."""
        if not camera.is_to_record and status["recorder"] is None:
            self._frames.pop(camera.id, None)
            return None if status["observed"] == "host_down" else 0.0, False
        newest, known = status["last_frame"], self._frames.get(camera.id)
        if known is None or (newest is not None and newest != known.frame):
            # The first one that this process sees may have come long before.
            self._frames[camera.id] = known = SeenFrame(newest, now, is_first=known is None)
        return now - known.seen_at, known.is_first


class FrameDeliveries:
    """How many of the frames of its set rate each camera of this host has delivered to its recording in the last
    minute, in per cent. A camera that is not recorded misses none."""

    def __init__(self) -> None:
        self._streaming = StreamingCameras()

    def signals(self, host: str) -> Iterator[Signal]:
        """BrokerDown."""
        cameras = self._streaming.cameras(host)
        statuses = read_statuses_by_slug({camera.slug: "connected" for camera in cameras})
        for camera in cameras:
            percent, detail = delivered(statuses[camera.slug])
            yield Signal("frame_delivery", camera.slug, percent, "%", (camera.id, camera.slug), detail=detail)


def delivered(status: Status) -> tuple[float | None, str]:
    """Per cent of the due frames, and a sentence. None if it is not known: in the first minute, of a camera without a
    set rate, and while no frame comes, for which there is another signal."""
    recorder = status["recorder"]
    if recorder is None:
        return (None if status["observed"] == "host_down" else 100.0), ""
    # A host of an older version reports none.
    percent = recorder.get("delivered_percent") if recorder["state"] == "recording" else None
    if percent is None:
        return None, ""
    detail = (
        f"{recorder['expected_fps']:g} frames a second are set, {recorder['actual_fps']:g} came. See whether its "
        "exposure, its light, its cable or this machine makes it slow, or set a lower rate."
    )
    return percent, detail


class StreamingCameras:
    """The cameras of a host whose streams are watched. While the database is away, those that are known."""

    def __init__(self) -> None:
        self._known: list[WatchedCamera] = []
        self._gate = ChangeGate()

    def cameras(self, host: str) -> list[WatchedCamera]:
        try:
            self._gate.call(lambda: self._read(host))
        except DatabaseError:
            connection.close()
        return self._known

    def _read(self, host: str) -> None:
        self._known = [
            WatchedCamera(str(camera.pk), camera.slug, bool(camera.recording))
            for camera in Camera.objects.present().filter(host=host)
            if has_frame_age(camera)
        ]


class WaitingSessions:
    """Whether the running session of a camera of this host waits for a closed gate."""

    def __init__(self) -> None:
        self._known: list[tuple[str, str]] = []
        """Id and slug of each camera."""
        self._gate = ChangeGate()

    def _read(self, host: str) -> None:
        cameras = Camera.objects.present().filter(host=host).values_list("pk", "slug")
        self._known = [(str(pk), slug) for pk, slug in cameras]

    def signals(self, host: str) -> Iterator[Signal]:
        """BrokerDown."""
        try:
            self._gate.call(lambda: self._read(host))
        except DatabaseError:
            connection.close()  # those that are known go on
        found = read_fields([slug for _, slug in self._known], ("session", "gates"))
        for camera, slug in self._known:
            fields = found.get(slug)
            gates = blocking_gates(fields["session"], fields["gates"]) if fields else []
            sentences = " ".join(gate["sentence"] for gate in gates)
            yield Signal(
                "session_waits", slug, float(bool(gates)) if fields else None, "", (camera, slug), detail=sentences
            )


@functools.cache
def _frame_ages() -> FrameAges:
    return FrameAges()


@functools.cache
def _frame_deliveries() -> FrameDeliveries:
    return FrameDeliveries()


CAMERA_SIGNALS = ("frame_age", "frame_delivery")
"""Signals whose subjects are the watched cameras."""


def watched_cameras(user: Any) -> list[str]:
    """The cameras that have a frame age, of those that `user` may see."""
    return sorted(camera.slug for camera in cameras_for(user) if has_frame_age(camera))


def has_frame_age(camera: Camera) -> bool:
    return (
        camera.kind in DRIVERS
        and desired_connection(camera) == "connected"
        and not driver_class(camera.kind).makes_files
    )


def frame_ages(host: str) -> Iterator[Signal]:
    return _frame_ages().signals(host)


@functools.cache
def _waiting_sessions() -> WaitingSessions:
    return WaitingSessions()


def waiting_sessions(host: str) -> Iterator[Signal]:
    return _waiting_sessions().signals(host) if any(gate.enabled for gate in settings.STATION.gates) else iter(())


def frame_deliveries(host: str) -> Iterator[Signal]:
    return _frame_deliveries().signals(host)


def unsynchronised_clock(host: str) -> Iterator[Signal]:
    state = read_kernel_clock().state
    yield Signal("clock_unsynchronised", host, None if state == "unknown" else float(state == "unsynchronised"))


def clock_offset(host: str) -> Iterator[Signal]:
    """The larger of what the kernel says that the clock is being corrected by, and how far it is off the database's,
    which all machines share."""
    known = [abs(one) for one in (read_kernel_clock().offset_s, _ahead_of_database_s()) if one is not None]
    yield Signal("clock_offset", host, max(known, default=None), "s")


def _ahead_of_database_s() -> float | None:
    """None while the database is away, and for one that has no clock of its own."""
    if not database_clock.is_shared():
        return None
    try:
        found = database_clock.measure_offset()
    except DatabaseError:
        connection.close()  # one that has broken never works again
        return None
    # A slow answer says nothing about the clock.
    return max(0.0, abs(found.ahead_s) - found.error_s)


class SilentHosts:
    """How long ago each host of the station with cameras has written its heartbeat."""

    def __init__(self) -> None:
        self._hosts: list[str] = []
        self._beats: dict[str, tuple[float, bool]] = {}
        """Host -> when its last beat was seen, or its silence if none was, and whether one was."""
        self._gate = ChangeGate()

    def _read(self) -> None:
        cameras = Camera.objects.present().filter(enabled=True)
        self._hosts = sorted(set(cameras.values_list("host", flat=True)))

    def signals(self) -> Iterator[Signal]:
        """BrokerDown: whether hosts are there is unknown then."""
        try:
            self._gate.call(self._read)
        except DatabaseError:
            connection.close()
        now = time.monotonic()
        with broker.reachable() as server:
            beats = cast(list[str | None], server.mget([broker.key("host", host) for host in self._hosts] or ["-"]))
        for host, beat in zip(self._hosts, beats, strict=False):
            if beat:
                self._beats[host] = (now, True)
            since, has_beaten = self._beats.setdefault(host, (now, False))
            # One that was silent from the start may have been so for longer.
            yield Signal("host_silent", host, now - since, "s", is_at_least=not has_beaten)


@functools.cache
def _silent_hosts() -> SilentHosts:
    return SilentHosts()


def silent_hosts(_host: str) -> Iterator[Signal]:
    return _silent_hosts().signals()


_known: dict[str, str] = {}
"""Folder -> its name in the signal, as the database said last."""
_gate = ChangeGate()


def free_space(host: str) -> Iterator[Signal]:
    """In percent, for a user without special rights: of each storage root, and of the data folder."""
    try:
        _gate.call(lambda: _read_roots(host))
    except DatabaseError:
        connection.close()
    for folder in dict.fromkeys([*_known, str(settings.STATION.data)]):
        yield Signal("disk_free", f"{host}:{folder}", free_percent(Path(folder)), "%")


def _read_roots(host: str) -> None:
    found = {root["path"]: root["path"] for root in all_roots(host)}
    _known.clear()
    _known.update(found)


def free_percent(folder: Path) -> float | None:
    """None if the folder cannot be asked: it has an alert of its own, or is not mounted."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return 100.0 * found.f_bavail / found.f_blocks if found.f_blocks else None
