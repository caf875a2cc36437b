"""Whether the sensors of the station give values."""

from __future__ import annotations

from collections.abc import Iterator

from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station

STATES = {"ok": OK, "off": OK, "starting": WARNING}


def sensors(_station: Station) -> Iterator[Finding]:
    """A finding for each sensor that gives no values, or none for a channel; one for all that do."""
    from monitoring.models import Sensor
    from monitoring.sensor_management.selectors import with_status

    well = 0
    for sensor in with_status(Sensor.objects.filter(removed_at=None)):
        name = sensor.name
        bad = [channel.display_name for channel in sensor.channels.all() if channel.quality != "ok"]
        if sensor.state not in STATES:
            message = sensor.message or f"It is {sensor.state}."
            yield Finding("sensors", BROKEN, f"{name}: {message}", f"Try it: skycam sensors test {name}")
        elif sensor.state != "off" and bad:
            detail = f"{name}: no good value of {', '.join(bad)}."
            yield Finding("sensors", WARNING, detail, f"Look at it: skycam sensors channels {name}")
        else:
            well += 1
    if well:
        yield Finding("sensors", OK, "1 sensor is well." if well == 1 else f"{well} sensors are well.")
