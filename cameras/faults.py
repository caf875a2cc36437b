"""The faults of a simulated camera."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from cameras import leases
from cameras.command_events import DONE, command_data, record_failures, record_refusals
from cameras.commands import control
from cameras.commands.messages import FAULTS, FaultsArguments
from cameras.drivers import driver_class
from cameras.drivers.simulated.faults import Faults
from cameras.models import Camera
from core.events.service import record_event
from core.text.sentences import sentence


def read_faults(camera: Camera) -> dict[str, Any]:
    """The active faults of a simulated camera. ValidationError for a real camera; ControlError."""
    _need_simulated(camera)
    return control.run_command(camera, FAULTS, FaultsArguments())["faults"]


def set_faults(camera: Camera, faults: Faults, actor: str = "") -> dict[str, Any]:
    """Set exactly these faults; returns the active ones. They survive a restart of the camera's process, until they are
    used up, cleared, or the host restarts. ValidationError for a real camera; ControlError."""
    _need_simulated(camera)
    wanted = faults.active()
    with record_refusals(camera, "faults", actor, wanted):
        # No lock: nothing is stored in the row. The camera's host keeps the faults in memory.
        leases.check_holder_now(camera, actor)
    with record_failures(camera, "faults", actor, wanted):
        found = control.run_command(camera, FAULTS, FaultsArguments(faults=wanted))["faults"]
    listed = ", ".join(f"{name} ({value})" for name, value in wanted.items())
    did = f"switched on the faults {listed} of" if wanted else "cleared the faults of"
    record_event(
        "camera.faults",
        sentence("{who} {did} {camera}.", who=actor or "Someone", did=did, camera=camera),
        severity="warning" if wanted else "info",
        camera=camera,
        actor=actor,
        data={"faults": wanted, **command_data("faults", wanted, DONE)},
    )
    return found


def _need_simulated(camera: Camera) -> None:
    if not driver_class(camera.kind).simulated:
        raise ValidationError(
            sentence(
                "{camera} is a real camera. Only a simulated one has faults that can be switched on: add one, with "
                "`skycam cameras add NAME --kind simulated`.",
                camera=camera,
            )
        )
