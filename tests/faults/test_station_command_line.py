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
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually


@pytest.fixture(scope="module")
def camera(plain_station: Station) -> Iterator[str]:
    """The slug of a camera of its own."""
    with plain_station.cameras.added() as slug:
        yield slug


def skycam(station: Station, *words: str) -> Any:
    """The command's output, from JSON."""
    command = [*SKYCAM, "--output", "json", *words]
    done = subprocess.run(command, env=station.environment, capture_output=True, text=True, timeout=PATIENCE_S, cwd="/")
    return json.loads(done.stdout)


def test_a_picture_is_taken_copied_and_found_again(plain_station: Station, camera: str, tmp_path: Path) -> None:
    taken = skycam(plain_station, "capture", camera, "-e", "10ms", "-o", str(tmp_path / "moon.jpg"))
    assert taken["copied_to"] == str(tmp_path / "moon.jpg")
    assert taken["exposure_us"] == 10_000
    assert hashlib.sha256((tmp_path / "moon.jpg").read_bytes()).hexdigest() == taken["sha256"]
    assert skycam(plain_station, "captures", "list", camera, "-c", camera)["results"][0]["id"] == taken["id"]
    got = skycam(plain_station, "captures", "get", taken["id"][:13], "--to", str(tmp_path / "again.jpg"))
    assert got["sha256"] == taken["sha256"]
    assert (tmp_path / "again.jpg").stat().st_size == taken["bytes"]


def test_another_format_than_the_cameras_gives_a_warning(plain_station: Station, camera: str) -> None:
    taken = skycam(plain_station, "capture", camera, "-e", "1ms", "--format", "tiff", "--iso", "150")
    assert [warning.rpartition(" was requested.")[0] for warning in taken["warnings"]] == [
        "The camera's nearest ISO is 200; 150",
        "The pictures of this camera are saved as JPEG; tiff",
    ]


def test_a_session_is_described_before_it_starts_and_is_paused_and_stopped(plain_station: Station, camera: str) -> None:
    begun = skycam(plain_station, "start", camera, "-e", "1ms", "--every", "1 s")
    assert begun["forecast"]["sentence"].startswith("1 ms every 1 s until stopped, about 3,600 pictures an hour, ")
    desired = [skycam(plain_station, command, camera)["desired"] for command in ("pause", "resume", "stop")]
    assert desired == ["paused", "running", "stopped"]

    expected = {"session.started", "session.paused", "session.resumed", "session.stopped"}

    def kinds() -> set[str]:
        found = skycam(plain_station, "events", "--kind", "session", "--camera", camera)["results"]
        return {event["kind"] for event in found}

    eventually(lambda: expected <= kinds(), kinds)
