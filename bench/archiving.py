"""Archiving the clips of an experiment: beside copying and hashing the same files with the system's programs, and while
four cameras record."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.copied import copied_and_hashed
from bench.figures import Table
from bench.recording import CAMERAS, SCENES, add_camera
from bench.runs import Runs
from core.jobs.tables import JOB_KINDS
from tests.harness.stations.command_line import run as skycam
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

CLIPS, CLIP_BYTES = 100, 200_000_000
CLIPS_BESIDE = 40
LIMIT_RATIO = 1.3
NAME = "Benchmark"
CHUNK = 8 << 20
ADD_ROWS = """
import hashlib, sys
from datetime import timedelta
from pathlib import Path
from django.utils import timezone
from cameras.models import Camera
from captures.models import Clip, Experiment, ExperimentCamera
from captures.recordings.claims.services import hold_clips
from captures.roots.roots import assigned_root

root, camera = assigned_root("main", "clips"), Camera.objects.first()
files = sorted(Path(root.path, "clips", "benchmark").iterdir())
ended = timezone.now() - timedelta(hours=1)
started = ended - timedelta(seconds=len(files))
run = Experiment.objects.create(
    name="Benchmark", operator="ada", still_interval_s=60, state="completed", settled=True, started_at=started,
    ended_at=ended,
)
ExperimentCamera.objects.create(experiment=run, camera=camera, position=1, means="clips")
for number, file in enumerate(files):
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    at = started + timedelta(seconds=number)
    clip = Clip.objects.create(
        camera=camera, root=root, host=root.host, started_at=at, ended_at=at + timedelta(seconds=1), frames=10,
        width=320, height=240, bytes=file.stat().st_size, sha256=sha256, path=f"clips/benchmark/{file.name}",
    )
    hold_clips([clip.pk], run.pk)
"""


def run(runs: Runs) -> list[Table]:
    return [archive_alone(runs), archive_beside_recording(runs)]


def archive_alone(runs: Runs) -> Table:
    station, number = runs.station.station, runs.times(CLIPS)
    clips = clips_folder(station)
    write_files(clips, number)
    size = number * CLIP_BYTES
    drop_caches()
    peer = copied_and_hashed(clips, runs.folder / "copy", JOB_KINDS["archive"].nice)
    add_experiment(station)
    drop_caches()
    took_s = archived(station.config.data)
    found = Table(f"Archiving {number} clips of {CLIP_BYTES / 1e6:.0f} MB: skycam experiments archive")
    found.add("cp -r, sync and sha256sum, from the disk", f"{peer:.1f} s", note=f"{size / peer / 1e6:.0f} MB/s")
    found.add(
        "Copied, synced, read back from the disk, stored", f"{took_s:.1f} s", note=f"{size / took_s / 1e6:.0f} MB/s"
    )
    found.add("The time of the second row, as a multiple", f"{took_s / peer:.2f}", str(LIMIT_RATIO))
    shutil.rmtree(clips)
    return found


def archive_beside_recording(runs: Runs) -> Table:
    number = runs.times(CLIPS_BESIDE)
    found = Table(f"{CAMERAS} cameras record 1280x1024 at 15 fps while {number} clips of 200 MB are archived")
    station = Station(runs.folder / "recording")
    try:
        station.up_with_camera()
        slugs = ["simulated", *(add_camera(station, camera) for camera in range(1, CAMERAS))]
        write_files(clips_folder(station), number)
        add_experiment(station)
        drop_caches()
        for slug in slugs:
            station.api.ask("PATCH", f"cameras/{slug}/settings/", SCENES["the chart"])
            station.api.ask("POST", f"cameras/{slug}/record/", {})
        eventually(lambda: all(frames for frames, _ in recorded(station, slugs)), "all record")
        before, began = recorded(station, slugs), time.monotonic()
        took_s = archived(station.config.data)
        after, seconds = recorded(station, slugs), time.monotonic() - began
    finally:
        station.ensure_stopped()
        shutil.rmtree(station.data)
    rates = [(end - begin) / seconds for (begin, _), (end, _) in zip(before, after, strict=True)]
    found.add("The archive", f"{took_s:.1f} s", note=f"{number * CLIP_BYTES / took_s / 1e6:.0f} MB/s")
    found.add("Frames lost by recording", str(sum(lost for _, lost in after)), "0")
    found.add("Frames per second of each camera", ", ".join(f"{rate:.1f}" for rate in rates))
    return found


def recorded(station: Station, slugs: list[str]) -> list[tuple[int, int]]:
    """The frames of each camera since its recording began, and those that were lost."""
    recorders = [station.api.ask("GET", f"cameras/{slug}/status/")["recorder"] or {} for slug in slugs]
    return [(recorder.get("frames", 0), recorder.get("lost_frames", 0)) for recorder in recorders]


def clips_folder(station: Station) -> Path:
    return Path(station.config.storage_root) / "clips" / "benchmark"


def add_experiment(station: Station) -> None:
    """To which the files belong. Its archive is not made by itself, before the measurement."""
    station.api.call("PATCH", "settings/", {"archive_config.on_completion": False})
    station.run("manage.py", "shell", "--no-imports", "-c", ADD_ROWS)


def write_files(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    for place in range(number):
        with (folder / f"{place:04}.mp4").open("wb") as file:
            for _ in range(CLIP_BYTES // CHUNK + 1):
                file.write(os.urandom(min(CHUNK, CLIP_BYTES - file.tell())))


def drop_caches() -> None:
    """So that the files are read from the disk. It needs root; without it both rows read them from the memory."""
    subprocess.run(["sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches"], check=False, stderr=subprocess.DEVNULL)


def archived(data: Path) -> float:
    """Seconds from the start of the job to its end."""
    assert answer(data, "experiments", "archive", NAME)["state"] == "complete"
    jobs = [job for job in answer(data, "jobs", "list", "--kind", "archive")["results"] if job["started"]]
    began = min(datetime.fromisoformat(job["started"]) for job in jobs)
    ended = max(datetime.fromisoformat(job["ended"]) for job in jobs)
    return (ended - began).total_seconds()


def answer(data: Path, *words: str) -> Any:
    return json.loads(skycam(data, "--output", "json", *words).stdout)
