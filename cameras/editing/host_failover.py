"""Failover: moving cameras off a host that is gone, with neither a lease in the database nor a heartbeat.

A camera with a session is moved only then, and only when a person confirms that the machine is off. A host that still
runs but reaches neither database nor broker keeps running its cameras, by design.
"""

from __future__ import annotations

from contextlib import suppress

from cameras.leases import lease_holders
from cameras.leases.lease_holders import LeaseHolder, SessionRunning, lease_of, session_holders
from cameras.models import Camera, CameraHost
from cameras.tables import LEASE_HOLDERS
from core import database_clock
from core.broker import broker
from core.registry import resolve
from core.text.names import person
from core.text.sentences import Sentence, sentence


class HostGone(SessionRunning):
    """The camera's host is gone, and a session ran there."""

    def __init__(self, holder: LeaseHolder, host: str) -> None:
        self.host = host
        super().__init__(holder)

    def with_time(self, since: str) -> Sentence:
        camera = self.holder.camera
        return sentence(
            "A session ran on {camera} when its host {host} last answered. If that machine is off, confirm it with "
            "`skycam cameras set {slug} --host ... --host-is-gone`, or `host_is_gone` in the API: then the session "
            "ends, and the camera is moved.",
            camera=camera, host=self.host, slug=camera.slug,
        )  # fmt: skip


class HostAlive(SessionRunning):
    """The host was declared gone, but it still answers."""

    def __init__(self, holder: LeaseHolder, host: str) -> None:
        self.host = host
        super().__init__(holder)

    def with_time(self, since: str) -> Sentence:
        return sentence(
            "The host {host} answered within the last minute: it is not gone. Stop its session on {camera}.",
            host=self.host, camera=self.holder.camera,
        )  # fmt: skip


def is_host_gone(host: str) -> bool:
    """Whether the host has neither heartbeat nor lease. BrokerDown when that is unknown."""
    with broker.reachable() as server:
        beats = bool(server.exists(broker.key("host", host)))
    # Both must be missing: a host without broker has no heartbeat, one without database renews no lease, and either
    # still runs its cameras.
    return not beats and not CameraHost.objects.filter(name=host, leased_until__gte=database_clock.now()).exists()


def check_host(camera: Camera) -> None:
    """HostGone when a session runs on the camera and its host is gone. Passes when the broker is away."""
    holder = session_holders([camera]).get(camera.pk)
    if holder is None:
        return
    # Without a broker the host may be alive: then the running session refuses the change as usual.
    with suppress(broker.BrokerDown):
        if is_host_gone(camera.host):
            raise HostGone(holder, camera.host)


def check_lease(camera: Camera, actor: str) -> None:
    """LeaseHeld when another user has taken the camera. A session on a host that is gone does not hold it."""
    lease = lease_of(camera)
    if lease is not None and lease.holder.held_by != person(actor):
        raise lease_holders.LeaseHeld(lease.holder)


def end_session(camera: Camera, host: str) -> None:
    """End the session of a camera that was moved away from `host`. HostAlive; BrokerDown when that is unknown."""
    holder = session_holders([camera]).get(camera.pk)
    if holder is None:
        return
    if not is_host_gone(host):
        raise HostAlive(holder, host)
    # In the caller's transaction: a session ends if and only if its camera is moved.
    resolve(LEASE_HOLDERS["end"])(camera, host)
