"""Whether the periodic work of the station is on time."""

from __future__ import annotations

from collections.abc import Iterator

from skycam_project.cli.diagnostics.finding import OK, WARNING, Finding
from skycam_project.cli.station import Station

CHECK = "periodic work"


def periodic_work(station: Station) -> Iterator[Finding]:
    """A warning for each task that is late, fails or is not reported; nothing while the broker is away, which has a
    finding of its own, or the station is stopped."""
    from cameras.models import CameraHost
    from cameras.status.status import read_heartbeats
    from core.broker.broker import BrokerDown
    from skycam_project.periodic_status import read_periodic_status

    hosts = sorted({*CameraHost.objects.values_list("name", flat=True), station.config.host})
    try:
        alive = [host for host, beat in read_heartbeats(hosts).items() if beat is not None]
    except BrokerDown:
        return
    found = read_periodic_status(hosts, alive, names_subjects=True)
    for row in found.late:
        detail = f"{row.task.name}: {row.state_display.label.lower()}. {' '.join(row.troubles)}".strip()
        yield Finding(CHECK, WARNING, detail, f"What it costs: {row.task.late}")
    if found.wanted and not found.late:
        number = len(found.wanted)
        yield Finding(CHECK, OK, f"{number} task{'s' if number > 1 else ''}, none is late.")
