"""What a recorder answers to who asks, and what it says is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.captures.recording.clips import RECORDING, records_of
from tests.faults.camera_process import CameraProcess

FAST = {"fps": 30, "width": 320, "height": 240, "exposure_us": 1000}
FULL = {**RECORDING, "floor_bytes": 1 << 60}


def answered(process: CameraProcess, kind: str, **order: Any) -> dict[str, Any]:
    return process.until_type("answer", command_id=process.send(kind, **order))


def over(process: CameraProcess, about: str) -> dict[str, Any]:
    return process.until_type("alert", key=f"recording.{about}:sim", message="")


def test_a_start_is_answered_with_the_clip_that_grows_and_a_stop_with_nothing(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        started = answered(process, "record", recording={**RECORDING, "clip_s": 60})["body"]
        stopped = answered(process, "record", recording=None)["body"]
    told = started["recorder"]
    assert (told["state"], told["clip"], told["by"], told["frames"]) == ("recording", started["clip"], "anna", 2)
    assert told["clip_started"].endswith("Z")
    assert (stopped["recorder"], stopped["clip"]) == (None, started["clip"])


def test_a_stop_of_what_does_not_record_is_answered_too(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        twice = [answered(process, "record", recording=None) for _ in range(2)]
    assert [(answer["ok"], answer["body"]["clip"]) for answer in twice] == [(True, None)] * 2


def test_without_a_clip_no_new_one_is_begun(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        refused = answered(process, "rotate")
        answered(process, "record", recording={**RECORDING, "clip_s": 60})
        answered(process, "record", recording=None)
        records = records_of(process)
    assert (refused["ok"], refused["problem"], len(records)) == (False, "not-recording", 1)


def test_who_waits_for_a_start_hears_of_a_stop(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings={**FAST, "fps": 0.1}) as process:
        started = process.send("record", recording=RECORDING)
        stopped = process.send("record", recording=None)
        answers = {one["command_id"]: one for one in (process.until_type("answer") for _ in range(2))}
    assert (answers[started]["ok"], answers[started]["problem"]) == (False, "not-recording")
    assert answers[stopped]["ok"] is True


def test_what_was_failing_before_a_kill_is_over_once_a_clip_grows(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST, recording=FULL) as killed:
        killed.until(lambda message: message["type"] == "alert" and message["message"])
    with CameraProcess(tmp_path, settings=FAST, recording={**RECORDING, "clip_s": 60}) as process:
        assert over(process, "failed")


def test_where_nothing_shall_be_recorded_nothing_is_failing(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        assert over(process, "failed")
        assert over(process, "lost")


def test_a_stop_ends_the_failure(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST, recording=FULL) as process:
        refused = answered(process, "record", recording=FULL)
        answered(process, "record", recording=None)
        said = [one["message"] for one in process.messages if one.get("key") == "recording.failed:sim"]
    assert (refused["problem"], refused["reason"]) == ("disk-full", "disk_full")
    assert said[-1] == ""
