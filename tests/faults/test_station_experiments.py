"""An experiment over two simulated cameras and a DSLR of a whole station, by the API alone: what it has covers the run,
whatever is killed meanwhile."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from captures.experiments.coverage import CONTINUOUS_S, FILING_S
from tests.harness.documents.pages import blocks
from tests.harness.kills.faults import kill
from tests.harness.runs.tiers import further
from tests.harness.scenarios.dslrs import Desk, DslrStation
from tests.harness.stations.http_client import AWAY, Refused
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS
from tests.harness.waiting import eventually

SCENE = {"scene": "chart", "width": 320, "height": 240}
CLIPS = {"CAMERA_CONFIG__RECORDING_DURATION_MINUTES": "0.1"}
NO_ROLLS = {"pre_roll_s": 0, "post_roll_s": 0, "still_interval_s": 1}
PRE_ROLL_S, POST_ROLL_S = 4, 2
ENDS_THE_CAMERA = {"camera", "worker", "all"}
JOB_LOST_S = 60.0
"""The lease of a job whose process was killed."""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DslrStation]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    station = DslrStation(desk.folder / "data", **ANY_NUMBER_OF_KILLS, **CLIPS, **desk.environment)
    try:
        station.with_cameras()
        second = {"slug": "second", "name": "Second", "kind": "simulated", "settings": SCENE}
        assert station.api.post("cameras/", second).status == 201
        station.api.call("PATCH", "cameras/simulated/settings/", SCENE)
        station.cameras.eventually_ready("simulated")
        station.cameras.eventually_ready("second")
        yield station
    finally:
        station.ensure_stopped()


class Run:
    """An experiment, driven by the API."""

    def __init__(self, station: DslrStation, *cameras: str, **fields: Any) -> None:
        self.station = station
        body = {"name": "Dew", "cameras": list(cameras), **NO_ROLLS, **fields}
        answer = station.api.post("experiments/", body)
        assert answer.status == 201, answer
        self.id = answer.body["id"]

    def do(self, verb: str, body: Any = None) -> dict[str, Any]:
        answer = self.station.api.post(f"experiments/{self.id}/{verb}/", body)
        assert answer.status in {200, 201}, answer
        return dict(answer.body)

    def body(self) -> dict[str, Any]:
        return dict(self.station.api.get(f"experiments/{self.id}/"))

    def account(self) -> dict[str, Any]:
        """Camera -> its account."""
        return {one["camera"]: one for one in self.station.api.get(f"experiments/{self.id}/account/")["cameras"]}

    def records(self, camera: str) -> bool:
        """False while no one answers."""
        with suppress(*AWAY, Refused):
            recorder = self.station.api.ask("GET", f"cameras/{camera}/status/").get("recorder")
            return bool(recorder and recorder["state"] == "recording" and recorder["frames"] > 0)
        return False

    def eventually_records(self, *cameras: str) -> datetime:
        """Wait until all of them record; a moment after that."""
        eventually(lambda: all(self.records(camera) for camera in cameras), "they record")
        return datetime.now(UTC)

    def pending(self) -> dict[str, float]:
        """Camera -> the seconds whose clip has no row yet."""
        return {camera: one["pending_s"] for camera, one in self.account().items() if one["pending_s"]}

    def eventually_filed(self) -> dict[str, Any]:
        """Its account once it is settled and nothing is pending any more, nor left in a spool by a kill."""
        eventually(lambda: self.body()["settled"], "it is settled")
        eventually(lambda: not self.pending(), self.pending, takes_s=FILING_S)
        eventually(lambda: not self.records("simulated") and self.station.spools.settled(), "no clip is left")
        return self.account()

    def eventually_archived(self) -> Path:
        """The folder of its archive, once it is complete."""
        eventually(lambda: self.body_when_there().get("state") == "archived", self.unfinished, takes_s=JOB_LOST_S)
        [folder] = self.archive()["folders"]
        return Path(folder["path"])

    def body_when_there(self) -> dict[str, Any]:
        with suppress(*AWAY, Refused):
            return dict(self.station.api.ask("GET", f"experiments/{self.id}/"))
        return {}

    def unfinished(self) -> tuple[dict[str, Any], Any]:
        """Its archive, and the jobs of the station."""
        return self.archive(), self.station.api.get("jobs/")["results"]

    def archive(self) -> dict[str, Any]:
        """Empty before there is one."""
        with suppress(*AWAY, Refused):
            found = self.station.api.ask("GET", "archives/")["results"]
            return dict(next((one for one in found if one["experiment"] == self.id), {}))
        return {}


def unaccounted_s(account: dict[str, Any]) -> float:
    """Seconds of a run that are neither covered nor in a gap."""
    return float(account["length_s"] - account["covered_s"] - sum(seconds(gap) for gap in account["gaps"]))


def breaks_s(account: dict[str, Any]) -> float:
    """More seconds than may be unaccounted for: shorter breaks than CONTINUOUS_S are no gaps, and there may be one
    before each segment and after the last."""
    return CONTINUOUS_S * (len(account["segments"]) + len(account["gaps"]) + 1)


def begins_before(account: dict[str, Any], moment: datetime) -> bool:
    return datetime.fromisoformat(account["segments"][0]["from"]) <= moment


def sums_are_right(folder: Path) -> bool:
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


@pytest.mark.promise("experiments")
def test_a_run_by_the_api_has_clips_of_all_of_it_and_stills_of_the_dslr(station: DslrStation) -> None:
    run = Run(station, "simulated", "second", "east", tags=["dew"])
    assert run.do("start")["state"] == "running"
    recorded = run.eventually_records("simulated", "second")
    eventually(lambda: run.account()["east"]["captures"]["saved"] >= 3, "stills")
    eventually(lambda: run.account()["second"]["clips"] >= 1, "a clip has ended")
    run.do("notes", {"text": "First drops."})
    assert run.do("complete")["state"] == "completed"
    account = run.eventually_filed()
    for camera in ("simulated", "second"):
        assert begins_before(account[camera], recorded), account[camera]
        assert unaccounted_s(account[camera]) < breaks_s(account[camera]), account[camera]
        assert account[camera]["lost_frames"] is not None
        assert account[camera]["clips"] >= 1
    assert account["east"]["means"] == "stills"
    [link] = account["east"]["sessions"]
    eventually(lambda: station.api.get(f"sessions/{link['session']}/")["state"] == "stopped", "its session ends")
    assert claims_of(station) == []
    folder = run.eventually_archived()
    assert sums_are_right(folder)
    clip = next(file for file in json.loads((folder / "manifest.json").read_text())["files"] if file["kind"] == "clip")
    assert clip["driver"] == "simulated"
    assert clip["settings"]["width"] == 320
    assert len(list(folder.glob("*/clips/*.mp4"))) == account["simulated"]["clips"] + account["second"]["clips"]
    assert len(list(folder.glob("east/captures/*"))) >= 3


@pytest.mark.parametrize("target", ["all", *further("jobs")])
def test_the_archive_is_made_whatever_is_killed_after_the_run(station: DslrStation, target: str) -> None:
    run = Run(station, "simulated", "second")
    run.do("start")
    run.eventually_records("simulated", "second")
    run.do("complete")
    kill(station, target)
    eventually(run.archive, "an archive")
    kill(station, "jobs")
    assert sums_are_right(run.eventually_archived())
    found = run.archive()
    assert found["missing"] == []
    job = station.api.post(f"archives/{found['id']}/verify/").body["results"][0]["id"]
    eventually(lambda: station.api.get(f"jobs/{job}/")["state"] == "done", "verified")
    eventually(lambda: run.archive().get("verification") == "whole", run.archive)


def test_the_command_line_of_the_document_runs_an_experiment(station: DslrStation) -> None:
    [lines] = blocks("docs/operating/experiments.md", "sh")[:1]
    for line in lines.strip().splitlines():
        station.skycam(*shlex.split(line)[1:])
    shown = json.loads(station.skycam("--output", "json", "experiments", "show", "Dew on mirror 3"))
    assert shown["state"] == "completed"
    assert [note["text"] for note in shown["account"]["notes"]] == ["First drops at the lower edge."]


@pytest.mark.parametrize("target", ["all", *further("camera", "worker", "jobs", "web")])
@pytest.mark.parametrize("attempt", [0, *further(*range(1, 6))])
def test_a_kill_in_the_middle_loses_nothing_and_is_stated(station: DslrStation, target: str, attempt: int) -> None:
    run = Run(station, "simulated")
    run.do("start")
    run.eventually_records("simulated")
    pid = station.cameras.pid()
    kill(station, target)
    station.cameras.pid(other_than=pid if target in ENDS_THE_CAMERA else 0)
    run.eventually_records("simulated")
    run.do("complete")
    account = run.eventually_filed()["simulated"]
    assert unaccounted_s(account) < breaks_s(account), account
    assert all(gap["message"] for gap in account["gaps"])
    assert account["clips"] >= 1


def seconds(gap: dict[str, Any]) -> float:
    return (datetime.fromisoformat(gap["to"]) - datetime.fromisoformat(gap["from"])).total_seconds()


def test_the_pre_roll_comes_from_rolling_clips_and_their_recording_goes_on(station: DslrStation) -> None:
    ended = "SELECT id FROM captures_clip WHERE kind = 'rolling'"
    station.database.rows_after(lambda: station.api.post("cameras/simulated/record/"), ended)
    run = Run(station, "simulated", pre_roll_s=PRE_ROLL_S, post_roll_s=POST_ROLL_S)
    run.do("start")
    run.do("complete")
    claims = eventually(lambda: len(found := claims_of(station)) == 1 and found, "the experiment's claim ends")
    assert claims[0]["kind"] == "rolling"
    station.api.post("cameras/simulated/stop-recording/")
    account = run.eventually_filed()["simulated"]
    assert account["gaps"] == [], account
    first, last = account["segments"][0], account["segments"][-1]
    body = run.body()
    assert seconds({"from": first["from"], "to": body["started"]}) > PRE_ROLL_S - CONTINUOUS_S
    assert seconds({"from": body["ended"], "to": last["to"]}) > POST_ROLL_S - CONTINUOUS_S


def claims_of(station: DslrStation) -> list[dict[str, Any]]:
    return list(station.api.get("cameras/simulated/recording/")["claims"])


def test_an_operators_stop_is_a_gap_with_a_name(station: DslrStation) -> None:
    run = Run(station, "simulated")
    run.do("start")
    run.eventually_records("simulated")
    assert station.api.post("cameras/simulated/stop-recording/").status == 409
    assert station.api.post("cameras/simulated/stop-recording/", {"experiments": "suspend"}).status == 200
    eventually(lambda: run.account()["simulated"]["gaps"], "the gap")
    assert station.api.post("cameras/simulated/record/").status == 200
    station.api.post("cameras/simulated/stop-recording/", {"experiments": "keep"})
    run.do("complete")
    [gap] = [one for one in run.eventually_filed()["simulated"]["gaps"] if one["by"]]
    assert gap["reason"] == "suspended"
    assert gap["by"] == "admin"
