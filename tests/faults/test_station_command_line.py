"""The command line against a whole station: a picture taken and copied, found again, and its events."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.stations.command_line import SKYCAM
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("commanded") / "data", **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        yield station
    finally:
        station.ensure_stopped()


def skycam(station: Station, *words: str) -> Any:
    """The command's output, from JSON."""
    command = [*SKYCAM, "--output", "json", *words]
    done = subprocess.run(command, env=station.environment, capture_output=True, text=True, timeout=60, cwd="/")
    return json.loads(done.stdout)


def test_a_picture_is_taken_copied_and_found_again(station: Station, tmp_path: Path) -> None:
    taken = skycam(station, "capture", "simulated", "-e", "10ms", "-o", str(tmp_path / "moon.jpg"))
    assert taken["copied_to"] == str(tmp_path / "moon.jpg")
    assert taken["exposure_us"] == 10_000
    assert hashlib.sha256((tmp_path / "moon.jpg").read_bytes()).hexdigest() == taken["sha256"]
    assert skycam(station, "captures", "list", "simulated", "-c", "simulated")["results"][0]["id"] == taken["id"]
    got = skycam(station, "captures", "get", taken["id"][:13], "--to", str(tmp_path / "again.jpg"))
    assert got["sha256"] == taken["sha256"]
    assert (tmp_path / "again.jpg").stat().st_size == taken["bytes"]


def test_another_format_than_the_cameras_gives_a_warning(station: Station) -> None:
    taken = skycam(station, "capture", "simulated", "-e", "1ms", "--format", "tiff", "--iso", "150")
    assert [warning.rpartition(" was requested.")[0] for warning in taken["warnings"]] == [
        "The camera's nearest ISO is 200; 150",
        "The pictures of this camera are saved as JPEG; tiff",
    ]


def test_a_session_is_described_before_it_starts_and_is_paused_and_stopped(station: Station) -> None:
    begun = skycam(station, "start", "simulated", "-e", "1ms", "--every", "1 s")
    assert begun["forecast"]["sentence"].startswith("1 ms every 1 s until stopped, about 3,600 pictures an hour, ")
    assert [skycam(station, order)["desired"] for order in ("pause", "resume", "stop")] == [
        "paused",
        "running",
        "stopped",
    ]
    kinds = [event["kind"] for event in skycam(station, "events", "--kind", "session")["results"]]
    assert {"session.started", "session.paused", "session.resumed", "session.stopped"} <= set(kinds)
