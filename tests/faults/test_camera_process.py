"""A camera process alone: finish, stop, abort; killed, crashed, hung; an absent camera."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uuid6

from cameras.child_environment import LIBRARY_VARIABLES, scrubbed_environment
from cameras.tables import CONSUMERS
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S, eventually

SESSION = "0193a000-0000-7000-8000-000000000003"
LONG = 600_000_000
"""An exposure that no test waits for, in microseconds: it takes longer than the patience of the tests."""
SELDOM_S = 601.0
"""The cadence of a session of such exposures."""
LATE_MS = 600_000
"""The deadline of a command that no test waits for."""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[CameraProcess]:
    with CameraProcess(tmp_path) as process:
        process.wait_for_type("observed", observed="ready")
        yield process


def outcome(process: CameraProcess, capture: str) -> dict[str, Any]:
    process.wait_for_type("spooled", id=capture)
    return process.done()[capture]["body"]  # type: ignore[no-any-return]


def wait_for_plan(process: CameraProcess, capture: str) -> None:
    """Wait until a short exposure has begun; it may have ended since."""
    eventually(lambda: list(process.spool.glob(f"{capture}.*")), "the plan of the capture")


def captures_of(process: CameraProcess) -> list[dict[str, Any]]:
    return [record["body"] for record in process.done().values() if record["kind"] == "capture"]


def recovered(process: CameraProcess) -> dict[str, Any]:
    with CameraProcess(process.root) as next_one:
        return next_one.wait_for_type("recovered")


# Data of another version


def test_keys_that_a_camera_process_does_not_know_are_left_out(tmp_path: Path) -> None:
    quality = {"size": 200, "jpeg_quality": 40, "fps": 10.0, "chroma": "4:4:4"}
    newer = {
        "site": {"latitude": 48.0, "longitude": 11.0, "time_zone": "UTC", "elevation_m": 500},
        "decided_outcome": {"reason": "camera_crashed", "message": "It ended.", "signal": 11},
        "presets": {"low": quality, "medium": quality, "high": quality},
        "another": 1,
    }
    with CameraProcess(tmp_path, **newer) as process:
        process.wait_for_type("observed", observed="ready")
        capture = process.capture(exposure_us=1000, dew_heater=True)
        assert outcome(process, capture)["outcome"] == "saved"


def test_a_session_file_of_a_newer_version_is_resumed(process: CameraProcess) -> None:
    process.start_session(SESSION, cadence_s=0.2)
    process.wait_for_type("spooled")
    process.kill()
    file = process.spool / f"session-{SESSION}.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "dither": 3, "anchor": {**content["anchor"], "leap": 0}}))
    with CameraProcess(process.root) as next_one:
        assert next_one.wait_for_type("recovered")["rejected"] == []
        next_one.start_session(SESSION, cadence_s=0.2)
        next_one.wait_for_type("spooled")


# Finish, stop, abort


def test_closing_the_link_during_an_exposure_records_it_and_ends_the_process(process: CameraProcess) -> None:
    capture = process.capture(exposure_us=LONG)
    process.wait_for_type("state", doing="exposing")
    assert process.finish() == 0
    assert process.done()[capture]["body"]["reason"] == "station_stopped"


def test_captures_that_wait_when_the_link_closes_are_recorded_too(process: CameraProcess) -> None:
    captures = [process.capture(exposure_us=LONG) for _ in range(4)]
    process.wait_for_type("state", doing="exposing")
    process.finish()
    assert [process.done()[capture]["body"]["reason"] for capture in captures] == ["station_stopped"] * 4


def test_a_session_interrupted_by_closing_the_link_resumes_at_the_next_start(process: CameraProcess) -> None:
    process.start_session(SESSION, exposure_us=LONG, cadence_s=SELDOM_S)
    process.wait_for_type("state", doing="exposing")
    process.finish()
    with CameraProcess(process.root) as next_one:
        # None until the storage root is open.
        session = next_one.wait_for_message(lambda message: bool(message.get("session")))["session"]
        assert session["id"] == SESSION
        assert session["state"] == "running"
        assert session["planned"] == 1
        assert session["failed"] == 1


def test_a_stop_during_a_sessions_exposure_ends_it_and_answers_with_its_counts(process: CameraProcess) -> None:
    process.start_session(SESSION, exposure_us=LONG, cadence_s=SELDOM_S)
    process.wait_for_type("state", doing="exposing")
    stop = process.start_session(SESSION, 2, "stopped")
    answer = process.wait_for_type("answer", command_id=stop)["body"]
    assert [answer[name] for name in ("state", "planned", "failed")] == ["stopped", 1, 1]
    assert [body["reason"] for body in captures_of(process)] == ["session_stopped"]


def test_stopping_a_session_does_not_end_a_requested_capture(process: CameraProcess) -> None:
    process.start_session(SESSION, cadence_s=60.0)
    process.wait_for_message(lambda message: (message.get("session") or {}).get("saved") == 1)
    capture = process.capture(exposure_us=300_000)
    wait_for_plan(process, capture)
    process.start_session(SESSION, 2, "stopped")
    assert outcome(process, capture)["outcome"] == "saved"


def test_an_abort_ends_an_exposure_with_its_reason_and_the_next_is_saved(process: CameraProcess) -> None:
    capture = process.capture(exposure_us=LONG)
    process.wait_for_type("state", doing="exposing")
    process.send("abort", reason="interrupted")
    assert outcome(process, capture)["reason"] == "interrupted"
    assert outcome(process, process.capture())["outcome"] == "saved"


# Commands


def test_an_id_that_is_delivered_twice_is_exposed_once(process: CameraProcess) -> None:
    capture = process.capture(exposure_us=200_000)
    process.capture(capture)
    saved = outcome(process, capture)
    process.capture(capture)
    outcome(process, process.capture())
    assert saved["exposure_us"] == 200_000
    assert len(captures_of(process)) == 2


def test_an_id_that_another_process_exposed_is_not_exposed_again(process: CameraProcess) -> None:
    capture = process.capture()
    first = outcome(process, capture)
    process.finish()
    with CameraProcess(process.root) as next_one:
        next_one.wait_for_type("observed", observed="ready")
        next_one.capture(capture, exposure_us=2000)
        outcome(next_one, next_one.capture())
        assert next_one.done()[capture]["body"] == first


def test_a_command_past_its_deadline_fails_as_too_slow(process: CameraProcess) -> None:
    running, late = process.capture(exposure_us=LONG), str(uuid6.uuid7())
    process.send("capture", id=late, planned="2026-01-01T00:00:00Z", asked={}, remaining_ms=0)
    process.wait_for_type("state", doing="exposing")
    process.send("abort", reason="interrupted")
    assert outcome(process, late)["reason"] == "too_slow"
    assert process.done()[running]["body"]["reason"] == "interrupted"


def test_a_capture_is_withdrawn_while_it_waits(process: CameraProcess) -> None:
    running, waiting = process.capture(exposure_us=LONG), process.capture()
    process.wait_for_type("state", doing="exposing")
    process.send("withdraw", id=waiting)
    process.send("abort", reason="interrupted")
    refused = process.wait_for_type("answer", id=waiting)
    assert refused["unstarted"] is True
    assert refused["reason"] == "not_started"
    assert process.finish() == 0
    assert {capture: record["body"]["reason"] for capture, record in process.done().items()} == {running: "interrupted"}


def test_a_running_capture_is_not_withdrawn(process: CameraProcess) -> None:
    running = process.capture(exposure_us=500_000)
    wait_for_plan(process, running)
    process.send("withdraw", id=running)
    assert outcome(process, running)["outcome"] == "saved"


def test_settings_are_answered_as_read_back_with_a_warning_for_each_that_it_lacks(process: CameraProcess) -> None:
    command = process.send("configure", settings={"gain": 999.0, "f_number": 1.2})
    answer = process.wait_for_type("answer", command_id=command)["body"]
    assert answer["actual"]["gain"] == 16.0
    assert answer["actual"]["f_number"] == 1.4
    assert len(answer["warnings"]) == 2
    types = [message["type"] for message in process.messages if message["type"] in {"settings", "answer"}]
    assert types[-2] == "settings"


def test_an_unsupported_format_is_a_warning_in_the_record(process: CameraProcess) -> None:
    capture = process.capture(format="tiff")
    said = "The pictures of this camera are saved as JPEG; tiff was requested."
    assert outcome(process, capture)["warnings"] == [said]


# Killed, crashed, hung


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT], ids=lambda how: how.name)
def test_an_exposure_of_a_killed_process_is_settled_by_the_next_one(
    process: CameraProcess, how: signal.Signals
) -> None:
    capture = process.capture(exposure_us=LONG)
    process.wait_for_type("state", doing="exposing")
    process.process.send_signal(how)
    assert process.process.wait(PATIENCE_S) == -how
    assert recovered(process)["interrupted"] == [capture]


def test_a_process_that_hangs_is_killed_and_the_supervisor_decides_its_outcome(process: CameraProcess) -> None:
    capture = process.capture(exposure_us=LONG)
    process.wait_for_type("state", doing="exposing")
    process.process.send_signal(signal.SIGSTOP)
    process.kill()
    with CameraProcess(process.root, decided_outcome={"reason": "camera_hung", "message": "It hung."}) as next_one:
        next_one.wait_for_type("recovered")
        assert next_one.done()[capture]["body"]["reason"] == "camera_hung"


def test_a_process_reports_how_overdue_it_is(process: CameraProcess) -> None:
    assert process.wait_for_type("state", doing="waiting")["overdue_s"] == 0.0


def test_a_second_process_waits_until_the_first_has_released_the_spool(process: CameraProcess) -> None:
    with CameraProcess(process.root) as second:
        assert "must end first" in second.wait_for_type("observed", observed="reconnecting")["reason"]
        process.finish()
        second.wait_for_type("observed", observed="ready")


def test_a_process_ends_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cameras.runtime", "--parent", "1"]
    done = subprocess.run(command, cwd=PROJECT, input=b"", capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert b"is gone" in done.stderr


def test_a_process_that_gets_no_spec_ends_with_the_error_and_status_1() -> None:
    command = [sys.executable, "-m", "cameras.runtime", "--parent", str(os.getpid())]
    done = subprocess.run(command, cwd=PROJECT, input=b"", capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert b"ValueError: The link ended before the spec of the camera." in done.stderr


# An absent camera


@pytest.fixture
def absent(tmp_path: Path) -> Iterator[tuple[CameraProcess, Path]]:
    """A camera whose video file does not exist yet."""
    address = tmp_path.resolve() / "sources" / "sky.mp4"
    address.parent.mkdir()
    root = tmp_path / "root"
    root.mkdir()
    spec = {"kind": "opencv", "address": str(address), "sources": [str(address.parent)], "settings": {}}
    with CameraProcess(root, **spec) as process:
        process.wait_for_type("observed", observed="reconnecting")
        yield process, address


def make_video(address: Path) -> None:
    pattern = "testsrc=size=320x240:rate=20:duration=1"
    made = address.with_name("made.mp4")
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", pattern, "-pix_fmt", "yuv420p", str(made)]
    subprocess.run(command, check=True, timeout=PATIENCE_S)
    made.rename(address)


def test_captures_of_an_absent_camera_fail_with_a_message_and_do_not_wait_for_it(
    absent: tuple[CameraProcess, Path],
) -> None:
    process, _ = absent
    capture = str(uuid6.uuid7())
    process.send("capture", id=capture, planned="2026-01-01T00:00:00Z", asked={}, remaining_ms=LATE_MS)
    failed = outcome(process, capture)
    assert failed["reason"] == "camera_unreachable"
    assert failed["message"].endswith(".")


def test_the_captures_that_a_session_missed_of_an_absent_camera_are_one_gap_with_its_reason(
    absent: tuple[CameraProcess, Path],
) -> None:
    process, address = absent
    process.wait_for_type("answer", command_id=process.start_session(SESSION, cadence_s=0.2))
    # Refused like the first start of the session, which came before it.
    outcome(process, process.capture())
    make_video(address)
    process.wait_for_message(lambda _: any(body["outcome"] == "saved" for body in captures_of(process)))
    gaps = [record["body"] for record in process.done().values() if record["kind"] == "gap"]
    assert [gap["reason"] for gap in gaps[:1]] == ["camera_unreachable"]
    assert gaps[0]["first_index"] == 0


# What it loads and what it reads


def test_a_camera_process_with_all_consumers_and_drivers_loads_no_django() -> None:
    program = (
        "import sys, json, cameras.runtime.__main__\n"
        "from importlib import import_module\n"
        "from cameras.drivers import DRIVERS, driver_class\n"
        f"[import_module(path.rpartition('.')[0]) for path in {list(CONSUMERS.values())!r}]\n"
        "[driver_class(kind) for kind in DRIVERS]\n"
        "unwanted = ('django', 'celery', 'channels', 'rest_framework')\n"
        "print(json.dumps([name for name in unwanted if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, timeout=PATIENCE_S, check=True
    )
    assert json.loads(done.stdout) == []


def test_a_camera_process_loads_numpy_before_pydantic_because_it_is_slower_after_it() -> None:
    program = "import json, sys, cameras.runtime.__main__; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, timeout=PATIENCE_S, check=True
    )
    modules = json.loads(done.stdout)
    assert modules.index("numpy") < modules.index("pydantic")


def test_what_a_library_prints_does_not_break_the_link(tmp_path: Path) -> None:
    with CameraProcess(
        tmp_path, consumers={"still_writer": "tests.harness.far_ends.noisy_writer.NoisyWriter"}
    ) as process:
        assert outcome(process, process.capture())["outcome"] == "saved"
        process.wait_for_type("state")


def test_a_camera_process_sees_no_secret_of_the_station(monkeypatch: pytest.MonkeyPatch) -> None:
    passing = {"PATH": "/bin", "LC_ALL": "C", "TZ": "UTC", "VCAMERADIR": "/v", "MY_SDK": "x"}
    kept_back = {"DJANGO_SECRET_KEY": "s", "DATABASE_URL": "d", "REDIS_URL": "r", "SKYCAM_ADMIN_PASSWORD": "p"}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in {**passing, **kept_back}.items():
        monkeypatch.setenv(name, value)
    assert scrubbed_environment(["MY_SDK"]) == LIBRARY_VARIABLES | passing
