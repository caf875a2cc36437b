"""The faults of docs/operating/rehearsing.md on a whole station; and discovery of its cameras."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.simulated.faults import Faults
from tests.harness.far_ends.gphoto2_port.build import build
from tests.harness.project import PROJECT
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

RUN_LINES = """
import sys
from skycam_project.cli import main

for line in sys.argv[1:]:
    sys.argv = [*line.split(), "--output", "json"]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""
FAULTS = "cameras/simulated/faults/"
DOCUMENT = (PROJECT / "docs" / "operating" / "rehearsing.md").read_text()
FAULT_COMMANDS, NIGHT_COMMANDS = (
    [line for line in block.splitlines() if line.startswith("skycam ")] for block in DOCUMENT.split("```")[1::2]
)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station with a simulated camera and a fake DSLR under the real libgphoto2."""
    desk: Path = tmp_path_factory.mktemp("desk")
    station = Station(desk / "data", **build(desk), **ANY_NUMBER_OF_KILLS)
    try:
        yield station.up_with_camera()
    finally:
        station.ensure_stopped()


def set_faults(station: Station, **faults: Any) -> dict[str, Any]:
    """Set these faults; returns the active ones."""
    answer = station.api.call("PUT", FAULTS, faults)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body["faults"]
    return found


def status_if(station: Station, observed: str) -> dict[str, Any] | None:
    status: dict[str, Any] = station.api.get("cameras/simulated/status/")
    return status if status["observed"] == observed else None


def test_a_crash_fault_is_recorded_and_recovered(station: Station) -> None:
    pid = station.cameras.pid()
    assert set_faults(station, crash=1) == {"crash": 1}
    capture = station.api.post("cameras/simulated/capture/", Prefer="respond-async").body["id"]
    eventually(lambda: station.database.status_of(capture) == ("failed", "camera_crashed"), "its outcome")
    station.cameras.pid(other_than=pid)
    station.cameras.eventually_ready()
    assert station.api.get(FAULTS)["faults"] == {}
    assert station.cameras.saved_capture()["status"] == "saved"


def test_a_camera_that_is_unplugged_is_reconnecting_until_the_rehearsal_ends(station: Station) -> None:
    set_faults(station, disconnect=True)
    status = eventually(lambda: status_if(station, "reconnecting"), "the camera is reconnecting")
    assert status["faults"] == {"disconnect": True}
    assert "Switch it off to plug it in" in status["reason"]
    refused = station.cameras.capture()
    assert refused.status == 503
    assert refused.body["reason"] == "camera_unreachable"
    assert set_faults(station) == {}
    station.cameras.eventually_ready()


def test_a_picture_made_under_a_fault_is_marked_and_is_still_simulated(station: Station) -> None:
    set_faults(station, torn_frame=1, temperature=66.5)
    capture = station.cameras.saved_capture()
    assert capture["simulated"] is True
    assert capture["temperature_celsius"] == 66.5
    assert "torn" in capture["warnings"][0]
    set_faults(station)


def test_each_change_of_the_faults_is_an_event(station: Station) -> None:
    question = "SELECT id, data FROM monitoring_event WHERE kind = 'camera.faults'"
    for faults in ({"torn_frame": 2}, {}):
        [(_, event)] = station.database.rows_after(lambda faults=faults: set_faults(station, **faults), question)
        assert json.loads(event)["faults"] == faults


def test_the_commands_of_the_document_set_its_faults(station: Station) -> None:
    results = skycam(station, *FAULT_COMMANDS)
    assert [sorted(result["faults"]) for result in results] == [
        ["slow"],
        ["slow", "temperature", "torn_frame"],
        ["slow", "temperature", "torn_frame"],
        [],
    ]


def test_the_commands_of_the_document_begin_a_night(station: Station) -> None:
    settings, capture, session, stopped = skycam(station, *NIGHT_COMMANDS, "skycam stop simulated")
    assert settings["desired"] == {"scene": "allsky", "width": 640, "height": 480, "iso": 1600}
    assert capture["iso"] == 1600
    assert capture["width"] == 640
    assert session["programme"]["cadence_s"] == 30
    assert stopped["desired"] == "stopped"


def skycam(station: Station, *lines: str) -> list[dict[str, Any]]:
    """What these commands print, one after the other."""
    text, found = station.run("-c", RUN_LINES, *lines).strip(), []
    while text:
        printed, end = json.JSONDecoder().raw_decode(text)
        found.append(printed)
        text = text[end:].strip()
    return found


def test_the_document_lists_every_fault_and_no_other() -> None:
    assert re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE) == list(Faults.model_fields)


def discovered_dslr(station: Station) -> dict[str, Any]:
    """The only DSLR. A library that starts on a busy machine may take longer than a discovery waits for it."""
    answers: list[Any] = []

    def discovered_dslrs() -> list[dict[str, Any]]:
        answers.append(station.api.post("cameras/detect/").body)
        return [one for one in answers[-1]["results"] if one["kind"] == "gphoto2"]

    [dslr] = eventually(discovered_dslrs, lambda: answers)
    return dict(dslr)


def test_a_dslr_is_found_added_and_then_left_alone(station: Station) -> None:
    free = discovered_dslr(station)
    assert free["address"] == "0.1"
    assert free["serial"] == "0.1"
    assert free["camera"] is None
    assert free["suggested"] == "nikon-dsc-d750"
    added = {"slug": free["suggested"], **{name: free[name] for name in ("kind", "address", "host")}}
    assert station.api.post("cameras/", added).status == 201
    station.cameras.eventually_ready(free["suggested"])
    ours = discovered_dslr(station)
    assert ours["address"] == "0.1"
    assert ours["serial"] == "0.1"
    assert ours["camera"] == free["suggested"]
    assert station.cameras.saved_capture(free["suggested"])["status"] == "saved"
    assert station.database.events("camera.ladder", free["suggested"]) == []
