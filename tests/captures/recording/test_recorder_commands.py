"""The recorder's answers to commands, and the alerts that it closes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.recorded_clips import RECORDING, records_of

FAST = {"fps": 30, "width": 320, "height": 240, "exposure_us": 1000}
FULL = {**RECORDING, "floor_bytes": 1 << 60}


def answered(process: CameraProcess, kind: str, **command: Any) -> dict[str, Any]:
    return process.wait_for_type("answer", command_id=process.send(kind, **command))


def closed_alert(process: CameraProcess, about: str) -> dict[str, Any]:
    return process.wait_for_type("alert", key=f"recording.{about}:sim", message="")


def test_a_start_is_answered_with_the_open_clip_and_a_stop_with_no_recorder(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        started = answered(process, "record", recording={**RECORDING, "clip_s": 60})["body"]
        stopped = answered(process, "record", recording=None)["body"]
    recorder = started["recorder"]
    assert recorder["state"] == "recording"
    assert recorder["clip"] == started["clip"]
    assert recorder["by"] == "anna"
    assert recorder["frames"] == 2
    assert recorder["clip_started"].endswith("Z")
    assert stopped["recorder"] is None
    assert stopped["clip"] == started["clip"]


def test_a_stop_without_a_recording_is_answered_too(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        twice = [answered(process, "record", recording=None) for _ in range(2)]
    assert [(answer["ok"], answer["body"]["clip"]) for answer in twice] == [(True, None)] * 2


def test_without_an_open_clip_a_new_one_is_refused(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        refusal = answered(process, "rotate")
        answered(process, "record", recording={**RECORDING, "clip_s": 60})
        answered(process, "record", recording=None)
        records = records_of(process)
    assert refusal["ok"] is False
    assert refusal["problem"] == "not-recording"
    assert len(records) == 1


def test_a_pending_start_is_answered_when_recording_stops(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings={**FAST, "fps": 0.1}) as process:
        started = process.send("record", recording=RECORDING)
        stopped = process.send("record", recording=None)
        answers = {one["command_id"]: one for one in (process.wait_for_type("answer") for _ in range(2))}
    assert answers[started]["ok"] is False
    assert answers[started]["problem"] == "not-recording"
    assert answers[stopped]["ok"] is True


def test_an_alert_from_before_a_kill_closes_once_a_clip_is_written(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST, recording=FULL) as killed:
        killed.wait_for_message(lambda message: message["type"] == "alert" and message["message"])
    with CameraProcess(tmp_path, settings=FAST, recording={**RECORDING, "clip_s": 60}) as process:
        assert closed_alert(process, "failed")


def test_without_a_desired_recording_the_alerts_close(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST) as process:
        assert closed_alert(process, "failed")
        assert closed_alert(process, "lost")


def test_a_stop_closes_the_alert(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=FAST, recording=FULL) as process:
        refusal = answered(process, "record", recording=FULL)
        answered(process, "record", recording=None)
        messages = [one["message"] for one in process.messages if one.get("key") == "recording.failed:sim"]
    assert refusal["problem"] == "disk-full"
    assert refusal["reason"] == "disk_full"
    assert messages[-1] == ""
