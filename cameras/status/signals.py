"""Signals of cameras, hosts and clocks for the alert rules."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from typing import NamedTuple, cast

from django.db import DatabaseError, connection

from cameras.drivers import DRIVERS, driver_class
from cameras.models import Camera, desired_connection
from cameras.status.status import read_statuses_by_slug
from core.broker import broker
from core.times.kernel_clock import read_kernel_clock
from monitoring.alert_rules.rule import Signal


class WatchedCamera(NamedTuple):
    id: str
    slug: str


class FrameAges:
    """How long ago each camera of this host that streams gave its last frame; since the first look for one that has
    given none. A camera that only takes stills has no age: its sessions have alerts of their own."""

    def __init__(self) -> None:
        self._known: list[WatchedCamera] = []
        self._first_seen: dict[str, float] = {}
        self._frames: dict[str, tuple[str, float]] = {}
        """Camera's id -> its newest frame, and when that was first seen: not by its own time, as clocks jump."""

    def signals(self, host: str) -> Iterator[Signal]:
        """BrokerDown."""
        cameras = self._cameras(host)
        now = time.monotonic()
        statuses = read_statuses_by_slug({camera.slug: "connected" for camera in cameras})
        for camera in cameras:
            newest = statuses[camera.slug]["last_frame"]
            known = self._frames.get(camera.id)
            if newest is not None and (known is None or known[0] != newest):
                self._frames[camera.id] = known = (newest, now)
            since = known[1] if known else self._first_seen.setdefault(camera.id, now)
            yield Signal("frame_age", camera.slug, now - since, "s", (camera.id, camera.slug))
        here = {camera.id for camera in cameras}
        self._frames = {one: found for one, found in self._frames.items() if one in here}
        self._first_seen = {one: found for one, found in self._first_seen.items() if one in here}

    def _cameras(self, host: str) -> list[WatchedCamera]:
        try:
            self._known = [
                WatchedCamera(str(camera.pk), camera.slug)
                for camera in Camera.objects.present().filter(host=host)
                if camera.kind in DRIVERS
                and desired_connection(camera) == "connected"
                and not driver_class(camera.kind).makes_files
            ]
        except DatabaseError:
            connection.close()  # those that are known go on
        return self._known


@functools.cache
def _frame_ages() -> FrameAges:
    return FrameAges()


def frame_ages(host: str) -> Iterator[Signal]:
    return _frame_ages().signals(host)


def unsynchronised_clock(host: str) -> Iterator[Signal]:
    state = read_kernel_clock().state
    yield Signal("clock_unsynchronised", host, None if state == "unknown" else float(state == "unsynchronised"))


def clock_offset(host: str) -> Iterator[Signal]:
    """What the kernel says that the clock is being corrected by."""
    offset_s = read_kernel_clock().offset_s
    yield Signal("clock_offset", host, None if offset_s is None else abs(offset_s), "s")


class SilentHosts:
    """How long ago each host of the station with cameras has written its heartbeat."""

    def __init__(self) -> None:
        self._hosts: list[str] = []
        self._first_seen: dict[str, float] = {}

    def signals(self) -> Iterator[Signal]:
        """BrokerDown: whether hosts are there is unknown then."""
        try:
            cameras = Camera.objects.present().filter(enabled=True)
            self._hosts = sorted(set(cameras.values_list("host", flat=True)))
        except DatabaseError:
            connection.close()
        now = time.monotonic()
        with broker.reachable() as server:
            beats = cast(list[str | None], server.mget([broker.key("host", host) for host in self._hosts] or ["-"]))
        for host, beat in zip(self._hosts, beats, strict=False):
            if beat:
                self._first_seen[host] = now
            yield Signal("host_silent", host, now - self._first_seen.setdefault(host, now), "s")


@functools.cache
def _silent_hosts() -> SilentHosts:
    return SilentHosts()


def silent_hosts(_host: str) -> Iterator[Signal]:
    return _silent_hosts().signals()
