"""A station with a telescope's mosaic camera beside a DSLR: `skycam telescope simulate` is its controller, and a real
INDI server with its simulators tells the header words."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from tests.harness.far_ends.indi_server import FOCUSER, TELESCOPE, WHEEL, IndiServer
from tests.harness.far_ends.telescope_simulation import FREE_PORTS, Simulation
from tests.harness.scenarios.dslrs import Desk, DslrStation
from tests.harness.stations.cameras import hexed
from tests.harness.waiting import eventually

SITE = {"SKYCAM_SITE__LATITUDE": "48", "SKYCAM_SITE__LONGITUDE": "11"}
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
            **SITE,
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

    def stop(self) -> None:
        self.station.ensure_stopped()
        self.controller.end(signal.SIGKILL)
        self.indi.kill()


@pytest.fixture(scope="module")
def observatory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    observatory = Observatory(tmp_path_factory.mktemp("telescope"))
    try:
        observatory.up()
        yield observatory
    finally:
        observatory.stop()


def header(observatory: Observatory, capture: dict[str, Any]) -> fits.Header:
    """Of the first of its files, as the station serves it."""
    served = observatory.station.fetch_picture(f"captures/{capture['id']}/file/?kind=fits")
    found: fits.Header = fits.getheader(io.BytesIO(served))
    return found


def saved(observatory: Observatory, session: str) -> int:
    """The number of its saved captures."""
    question = "SELECT count(*) FROM captures_capture WHERE session_id = ? AND status = 'saved'"
    return int(observatory.station.database.rows(question, hexed(session))[0][0])


def test_the_header_words_are_in_the_files_that_the_station_has_collected(observatory: Observatory) -> None:
    capture = observatory.station.cameras.saved_capture(
        "mosaic", exposure_us=100_000, options={"header": {"filterna": "rg610"}, "comment": "a test of words"}
    )
    assert (capture["status"], len(capture["files"]), capture["simulated"]) == ("saved", 4, True)
    words = header(observatory, capture)
    assert (words["FILTERNA"], words["IMAGETYP"]) == ("rg610", "sky")
    assert [*words["COMMENT"]] == ["a test of words"]


def test_the_header_words_follow_the_telescope_while_it_slews(observatory: Observatory) -> None:
    station, indi = observatory.station, observatory.indi
    indi.set_property(TELESCOPE, "ON_COORD_SET", "TRACK", "On")
    begin = float(indi.get_property(TELESCOPE, "EQUATORIAL_EOD_COORD", "RA"))
    goal = (begin + 6) % 24
    indi.set_property(TELESCOPE, "EQUATORIAL_EOD_COORD", "RA;DEC", f"{goal};40")
    captures = [station.cameras.saved_capture("mosaic", exposure_us=1000) for _ in range(3)]
    places = [float(header(observatory, capture)["TELE-RA"]) for capture in captures]
    assert len({*places}) == 3, places


@pytest.fixture
def sessions(observatory: Observatory) -> Iterator[dict[str, str]]:
    """One that reads out while the next exposure runs, and one of a DSLR."""
    cameras = observatory.station.cameras
    options = {"mosaic": {"delay_s": 0, "options": {"mode": "overlap"}}, "east": {}}
    yield {slug: cameras.start_session(slug, exposure_us=200_000, **given) for slug, given in options.items()}
    for slug in options:
        assert observatory.station.api.post(f"cameras/{slug}/stop/").status == 200


def test_it_is_on_the_dashboard_beside_a_dslr_while_both_expose(
    observatory: Observatory, sessions: dict[str, str]
) -> None:
    eventually(lambda: all(saved(observatory, session) >= 1 for session in sessions.values()), 90, "both capture")
    page = observatory.station.page("/").lower()
    assert [name for name in sessions if name not in page] == []


def test_a_session_goes_on_when_the_process_of_its_camera_is_killed(
    observatory: Observatory, sessions: dict[str, str]
) -> None:
    station, session = observatory.station, sessions["mosaic"]
    eventually(lambda: saved(observatory, session) >= 2, 90, "it captures")
    os.kill(station.cameras.pid("mosaic"), signal.SIGKILL)
    count = saved(observatory, session)
    eventually(lambda: saved(observatory, session) >= count + 2, 90, "it goes on")
    question = "SELECT status, reason FROM captures_capture WHERE session_id = ? AND status NOT IN ('planned', 'saved')"
    assert {*station.database.rows(question, hexed(session))} <= {("failed", "interrupted")}
