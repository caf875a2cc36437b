"""An experiment of a running station, with clips and a capture, that is completed and archived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.harness.browsers.site import Site
from tests.harness.waiting import eventually

FRAMES = 15


def archived_run(site: Site, name: str) -> dict[str, Any]:
    """The complete archive of a run with the camera `simulated`, which has a clip and a capture."""
    made = site.api.ask("POST", "experiments/", {"name": name, "cameras": ["simulated"], "pre_roll_s": 0})
    address = f"experiments/{made['id']}/"
    site.api.ask("POST", f"{address}start/", {})
    eventually(lambda: _recorded_frames(site) >= FRAMES, "some seconds are recorded")
    site.station.cameras.saved_capture()
    site.api.ask("POST", f"{address}complete/", {})
    return eventually(lambda: _complete_archive(site, made["id"]), "the run is archived")


def _recorded_frames(site: Site) -> int:
    recorder = site.api.ask("GET", "cameras/simulated/status/").get("recorder") or {}
    return int(recorder.get("frames") or 0)


def _complete_archive(site: Site, experiment: str) -> dict[str, Any] | None:
    found = [
        one for one in site.api.ask("GET", "archives/?state=complete")["results"] if one["experiment"] == experiment
    ]
    return found[0] if found else None


def files_of(site: Site, archive: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.api.ask("GET", f"archives/{archive['id']}/files/?limit=200")["results"]
    return found


def clip_of(site: Site, archive: dict[str, Any]) -> dict[str, Any]:
    return next(file for file in files_of(site, archive) if file["path"].endswith(".mp4"))


def on_disk(site: Site, archive: dict[str, Any], file: dict[str, Any]) -> Path:
    [folder] = archive["folders"]
    return Path(folder["path"], file["path"])


def flip_a_bit(path: Path) -> None:
    """In the middle of the file. Its size and times stay."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
