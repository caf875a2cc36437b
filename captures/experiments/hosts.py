"""Tells the hosts of an experiment's cameras that their desired recordings have changed."""

from __future__ import annotations

import logging

from cameras.commands import control
from cameras.commands.messages import RECONCILE, Arguments
from cameras.errors import ControlError
from captures.experiments.models import Experiment
from core.broker.broker import BrokerDown

log = logging.getLogger(__name__)
WAIT_S = 5.0


def wake_hosts(experiment: Experiment) -> None:
    """Let the hosts read the desired states now and not within a second. A host or a broker that is away is no error:
    the host reads them when it is back."""
    cameras = {place.camera.host: place.camera for place in experiment.places.all() if place.camera.removed_at is None}
    for camera in cameras.values():
        try:
            deadline_ms = control.check_reachable(camera) + int(WAIT_S * 1000)
            control.send_command(camera, RECONCILE, Arguments(), wait_s=WAIT_S, deadline_ms=deadline_ms)
        except (ControlError, BrokerDown) as error:
            log.info("the host of %s was not told of the experiment: %s", camera.slug, error)
