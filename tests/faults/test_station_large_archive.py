"""A large archive, whose job's process is killed twice and whose station once while it copies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.harness.kills.faults import kill
from tests.harness.rows.station_rows import put_clip
from tests.harness.stations.http_client import AWAY, Refused
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]
CLIPS = 12
MIB = 2**20
COPIED_S = 600.0
"""Six GiB on a slow disk."""
JOB_LOST_S = 120.0
"""The lease of a job whose process was killed, and the copy of a file."""


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path / "data", **ANY_NUMBER_OF_KILLS)
    try:
        yield station.up()
    finally:
        station.ensure_stopped()
        shutil.rmtree(station.data)


def experiment_with_clips(station: Station) -> str:
    """The id of a running experiment, to which large clips belong: half a GiB each, so that a kill comes in the middle
    of a copy."""
    body = {"name": "Large", "cameras": ["simulated"], "record": False, "pre_roll_s": 0, "post_roll_s": 0}
    experiment = station.api.post("experiments/", body).body["id"]
    station.api.post(f"experiments/{experiment}/start/")
    content = os.urandom(MIB) * 512
    for number in range(CLIPS):
        clip = put_clip(station, datetime.now(UTC), number.to_bytes(8, "big") + content, 1.0)
        station.database.insert(
            "captures_experimentclip",
            {"clip_id": uuid.UUID(clip).hex, "experiment_id": uuid.UUID(experiment).hex},
        )
    return str(experiment)


def archive(station: Station) -> dict[str, Any]:
    """Empty while there is none, and while no one answers."""
    with suppress(*AWAY, Refused):
        found = station.api.ask("GET", "archives/")["results"]
        return dict(found[0]) if found else {}
    return {}


def copied(station: Station) -> int:
    return int(archive(station).get("files", {}).get("copied", 0))


def is_copying(station: Station) -> bool:
    """Whether a file is in the middle of its copy."""
    with suppress(FileNotFoundError):
        return any(part.stat().st_size > MIB for part in station.data.glob("**/experiments/**/*.part"))
    return False


def kill_job(station: Station) -> None:
    """SIGKILL to the process that runs the job: a child of the jobs part."""
    for child in station.part("jobs").children(recursive=True):
        child.send_signal(signal.SIGKILL)


def test_a_large_archive_is_made_although_its_job_is_killed_twice_and_the_station_once(station: Station) -> None:
    experiment = experiment_with_clips(station)
    station.api.post(f"experiments/{experiment}/complete/")
    for fault in (kill_job, kill_job, lambda station: kill(station, "all")):
        known = copied(station)
        eventually(lambda known=known: copied(station) > known and is_copying(station), "it is copying", JOB_LOST_S)
        fault(station)
    eventually(lambda: archive(station).get("state") == "complete", lambda: archive(station), takes_s=COPIED_S)
    assert archive(station)["missing"] == []
    [folder] = archive(station)["folders"]
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(command, cwd=folder["path"], check=False).returncode == 0
    assert len(list(Path(folder["path"]).glob("**/*.mp4"))) == CLIPS
    assert list(Path(folder["path"]).glob("**/*.part")) == []
