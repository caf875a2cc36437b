"""A network camera in its own process: it reconnects by itself, and its password is visible nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.recorded_clips import RECORDING
from tests.harness.far_ends.network.http import SnapshotServer
from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.far_ends.network.server import Server
from tests.harness.processes.slow_exit import slow_exit

SECRET = "sesame-open"


@pytest.fixture
def server() -> Iterator[RtspServer]:
    with RtspServer(login=f"me:{SECRET}") as running:
        yield running


def started(
    root: Path, server: Server, password: str = SECRET, values: dict[str, Any] | None = None, **options: Any
) -> CameraProcess:
    """`values`: the camera's settings."""
    address = server.with_login(f"me:{password}@")
    return CameraProcess(
        root, kind="network", address=address, settings=values or {}, slug="yard", telemetry_s=0.2, **options
    )


def test_a_capture_of_a_network_camera_is_saved(tmp_path: Path, server: RtspServer) -> None:
    with started(tmp_path, server) as process:
        process.wait_for_type("observed", observed="ready")
        capture = process.capture()
        process.wait_for_type("spooled", id=capture)
        record = process.done()[capture]
    assert record["body"]["outcome"] == "saved"
    assert record["files"][0]["width"] == 320
    assert record["files"][0]["height"] == 240


def test_a_camera_with_a_snapshot_address_is_captured_and_recorded(tmp_path: Path) -> None:
    with (
        SnapshotServer(login=f"me:{SECRET}") as server,
        started(tmp_path, server, values={"interval_s": 0.1}) as process,
    ):
        recording = process.send("record", recording={**RECORDING, "clip_s": 60})
        answer = process.wait_for_type("answer", command_id=recording)
        capture = process.capture()
        process.wait_for_type("spooled", id=capture)
        record = process.done()[capture]
    assert answer["body"]["recorder"]["state"] == "recording"
    assert record["body"]["outcome"] == "saved"


def test_a_camera_that_went_away_without_being_used_comes_back(tmp_path: Path, server: RtspServer) -> None:
    with started(tmp_path, server) as process:
        process.wait_for_type("observed", observed="ready")
        server.hang_up()
        message = process.wait_for_type("observed", observed="reconnecting")
        process.wait_for_type("observed", observed="ready")
    assert message["reason"] == "The camera ended the stream. Skycam reopens it."


def test_a_camera_that_stalls_does_not_crash_the_process_that_ends(tmp_path: Path, server: RtspServer) -> None:
    with started(tmp_path, server, variables=slow_exit(tmp_path)) as process:
        process.wait_for_type("observed", observed="ready")
        server.mood = "stall"
        assert process.finish() == 0


def test_a_wrong_password_is_reported_in_the_status(tmp_path: Path, server: RtspServer) -> None:
    with started(tmp_path, server, "wrong-one") as process:
        message = process.wait_for_type("observed", observed="reconnecting")
    assert message["reason"] == (
        "The camera refuses the name or the password. Save the camera's address with the right ones."
    )


def test_the_password_is_in_no_process_list_message_file_or_log(
    tmp_path: Path, server: RtspServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with started(tmp_path, server, is_preloaded=False) as process:
        process.wait_for_type("observed", observed="ready")
        process.wait_for_type("spooled", id=process.capture())
        server.login = "me:another"
        server.hang_up()
        process.wait_for_message(lambda message: "refuses the name" in message.get("reason", ""))
        seen = [Path(f"/proc/{process.process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    seen += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    seen += [json.dumps(process.messages).encode(), "".join(capfd.readouterr()).encode()]
    assert SECRET.encode() not in b"".join(seen)
