"""A station with the camera of a telescope beside two DSLRs, where it is midnight now. The controller is
`skycam telescope simulate`, and a real INDI server with its simulators tells the header words."""

from __future__ import annotations

import io
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from astropy.io import fits

from tests.harness.far_ends.indi_server import FOCUSER, TELESCOPE, WHEEL, IndiServer
from tests.harness.far_ends.telescope_simulation import FREE_PORTS, Simulation
from tests.harness.scenarios.dslrs import Desk, DslrStation
from tests.harness.stations.cameras import hexed

LATITUDE = -29.0
SMALL = ("--speed", "100", "--width", "64", "--height", "64")


class Observatory:
    """The station, its INDI server and its controller, which writes into `files`."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "mosaic"
        self.files.mkdir()
        self.indi = IndiServer(folder / "indi")
        self.controller = Simulation(folder, *FREE_PORTS, *SMALL, "--data", str(self.files))
        desk = Desk(folder / "desk")
        settings = {"port": self.indi.port, "telescope": TELESCOPE, "focuser": FOCUSER, "filter_wheel": WHEEL}
        self.station = DslrStation(
            folder / "data", **desk.environment, SKYCAM_SOURCES=json.dumps([str(self.files)]),
            SKYCAM_SITE__LATITUDE=str(LATITUDE), SKYCAM_SITE__LONGITUDE=f"{longitude_of_midnight():.3f}",
            SKYCAM_TELESCOPES=json.dumps([{"name": "one-meter", "source": "indi", "settings": settings}]),
        )  # fmt: skip

    def up(self) -> None:
        self.station.with_cameras()
        command_port, status_port = self.controller.ports
        address = f"127.0.0.1:{command_port},{status_port}?profile=2025&files={self.files}&collect=yes"
        camera = {"slug": "mosaic", "kind": "telescope", "address": address}
        answer = self.station.api.post("cameras/", camera)
        assert answer.status == 201, answer
        self.station.cameras.eventually_ready("mosaic")

    def saved(self, session: str) -> int:
        """The number of its saved captures."""
        question = "SELECT count(*) FROM captures_capture WHERE session_id = ? AND status = 'saved'"
        return int(self.station.database.rows(question, hexed(session))[0][0])

    def header(self, capture: dict[str, Any]) -> fits.Header:
        """Of the first file of a capture, as the station serves it."""
        served = self.station.fetch_picture(f"captures/{capture['id']}/file/?kind=fits")
        found: fits.Header = fits.getheader(io.BytesIO(served))
        return found

    def stop(self) -> None:
        self.station.ensure_stopped()
        self.controller.end(signal.SIGKILL)
        self.indi.kill()


def longitude_of_midnight() -> float:
    """Where it is midnight by the mean time: degrees, east positive."""
    now = datetime.now(UTC)
    hours = now.hour + now.minute / 60
    return (-hours * 15 + 180) % 360 - 180
