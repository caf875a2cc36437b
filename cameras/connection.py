"""Whether a camera should be connected, and bringing it to its desired state."""

from __future__ import annotations

from django.db import transaction

from cameras import leases
from cameras.command_events import record_desired_change, record_outcome, record_refusals
from cameras.commands import control
from cameras.commands.messages import RECONCILE, Arguments
from cameras.models import Camera
from cameras.status.messages import Status
from core.events.models import Event
from core.text.sentences import sentence


def set_connected(camera: Camera, connected: bool, actor: str = "") -> Event:
    """Store whether the camera should be connected; it survives restarts. LeaseHeld, SessionRunning."""
    order = "connect" if connected else "disconnect"
    with record_refusals(camera, order, actor), transaction.atomic():
        locked = leases.lock_as_holder(camera, actor)
        if not connected:
            leases.check_no_session(locked)
        locked.connected = connected
        # `enabled` of the locked row: a disconnection must not bring back what another user has disabled meanwhile.
        locked.enabled = locked.enabled or connected
        locked.save(update_fields=["connected", "enabled"])
        did = sentence("{order}ed {camera}.", order=order, camera=locked)
        return record_desired_change(locked, order, did, actor, {})


def connect(camera: Camera, connected: bool, actor: str = "") -> Status:
    """Store whether the camera should be connected and have its host apply it; returns the status reached. ControlError
    (LeaseHeld among them), BrokerDown."""
    # `set_connected` has committed before the host is contacted: the host reads the row.
    with record_outcome(set_connected(camera, connected, actor)):
        return reconcile(camera)


def reconcile(camera: Camera, *, wait_s: float = 10.0) -> Status:
    """Have the host bring the camera to its desired state; returns the status reached."""
    return control.run_command(camera, RECONCILE, Arguments(), wait_s=wait_s)
