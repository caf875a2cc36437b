"""A camera host that is gone: it has neither a lease in the database nor a heartbeat in the broker.

A camera with a session is given to another host only then, and only when a person says that the machine is off. A host
that still runs and reaches neither would go on with its cameras, as it must.
"""

from __future__ import annotations

from contextlib import suppress

from django.utils import timezone

from cameras import broker, lease_holders
from cameras.lease_holders import LeaseHolder, SessionRunning, lease_of, person, session_holders
from cameras.models import Camera, CameraHost
from cameras.tables import LEASE_HOLDERS, resolve


class HostGone(SessionRunning):
    """A session runs on it as far as is known, and its host is gone."""

    def __init__(self, holder: LeaseHolder, host: str) -> None:
        self.host = host
        super().__init__(holder)

    def sentence(self, camera: str, since: str) -> str:
        return (
            f"A session ran on {camera} when its host {self.host} was heard last. If that machine is off, say so with "
            f"`skycam cameras set {self.holder.camera} --host ... --host-is-gone`, or `host_is_gone` in the API: then "
            "the session ends, and the camera is moved."
        )


class HostAlive(SessionRunning):
    """It was said to be gone, and is not."""

    def __init__(self, holder: LeaseHolder, host: str) -> None:
        self.host = host
        super().__init__(holder)

    def sentence(self, camera: str, since: str) -> str:
        return f"The host {self.host} was heard within the last minute: it is not gone. Stop its session on {camera}."


def is_host_gone(host: str) -> bool:
    """BrokerDown when nobody can tell."""
    with broker.reachable() as server:
        beats = bool(server.exists(broker.key("host", host)))
    row = CameraHost.objects.filter(name=host).first()
    return not beats and (row is None or row.leased_until is None or row.leased_until < timezone.now())


def check_host(camera: Camera) -> None:
    """HostGone while a session is known to run on the camera, and its host is gone. Quiet when nobody can tell."""
    holder = session_holders([camera]).get(camera.pk)
    if holder is None:
        return
    with suppress(broker.BrokerDown):
        if is_host_gone(camera.host):
            raise HostGone(holder, camera.host)


def check_lease(camera: Camera, actor: str) -> None:
    """LeaseHeld when somebody else has taken it; a session holds it for nobody, once its host is gone."""
    lease = lease_of(camera)
    if lease is not None and lease.holder.held_by != person(actor):
        raise lease_holders.LeaseHeld(lease.holder)


def end_session(camera: Camera, host: str) -> None:
    """Of a camera that was on `host`, and is on another one now. HostAlive; BrokerDown when nobody can tell."""
    holder = session_holders([camera]).get(camera.pk)
    if holder is None:
        return
    if not is_host_gone(host):
        raise HostAlive(holder, host)
    resolve(LEASE_HOLDERS["end"])(camera, host)
