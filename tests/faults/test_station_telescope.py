"""A station with a telescope's mosaic camera beside a DSLR: `skycam telescope simulate` is its controller, and a real
INDI server with its simulators tells the header words."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.harness.far_ends.indi_server import TELESCOPE
from tests.harness.scenarios.observatory import Observatory
from tests.harness.stations.cameras import hexed
from tests.harness.waiting import eventually

SLEW_H = 6


@pytest.fixture(scope="module")
def observatory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    observatory = Observatory(tmp_path_factory.mktemp("telescope"))
    try:
        observatory.up()
        yield observatory
    finally:
        observatory.stop()


@pytest.mark.promise("telescope")
def test_the_header_words_are_in_the_files_that_the_station_has_collected(observatory: Observatory) -> None:
    capture = observatory.station.cameras.saved_capture(
        "mosaic", exposure_us=100_000, options={"header": {"filterna": "rg610"}, "comment": "a test of words"}
    )
    assert (capture["status"], len(capture["files"]), capture["simulated"]) == ("saved", 4, True)
    words = observatory.header(capture)
    assert (words["FILTERNA"], words["IMAGETYP"]) == ("rg610", "sky")
    assert [*words["COMMENT"]] == ["a test of words"]


def test_the_header_words_follow_the_telescope_while_it_slews(observatory: Observatory) -> None:
    station, indi = observatory.station, observatory.indi
    indi.set_property(TELESCOPE, "ON_COORD_SET", "TRACK", "On")
    begin = float(indi.get_property(TELESCOPE, "EQUATORIAL_EOD_COORD", "RA"))

    def moved() -> float:
        """By the words of a new capture: hours of right ascension since the begin."""
        place = float(observatory.header(station.cameras.saved_capture("mosaic", exposure_us=1000))["TELE-RA"])
        return (place - begin + 12) % 24 - 12

    indi.set_property(TELESCOPE, "EQUATORIAL_EOD_COORD", "RA;DEC", f"{(begin + SLEW_H) % 24};40")
    first = eventually(lambda: (hours := moved()) > 0.01 and hours, "it has begun to move")
    assert first < SLEW_H + 0.01
    eventually(lambda: moved() > first + 0.01, "it moves on")


@pytest.fixture(scope="module")
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
    eventually(lambda: all(observatory.saved(session) >= 1 for session in sessions.values()), "both capture")
    page = observatory.station.page("/").lower()
    assert [name for name in sessions if name not in page] == []


def test_a_session_goes_on_when_the_process_of_its_camera_is_killed(
    observatory: Observatory, sessions: dict[str, str]
) -> None:
    station, session = observatory.station, sessions["mosaic"]
    eventually(lambda: observatory.saved(session) >= 1, "it captures")
    pid = station.cameras.pid("mosaic")
    os.kill(pid, signal.SIGKILL)
    station.cameras.pid("mosaic", other_than=pid)
    count = observatory.saved(session)
    eventually(lambda: observatory.saved(session) >= count + 2, "it goes on")
    question = "SELECT status, reason FROM captures_capture WHERE session_id = ? AND status NOT IN ('planned', 'saved')"
    assert {*station.database.rows(question, hexed(session))} <= {("failed", "interrupted")}
