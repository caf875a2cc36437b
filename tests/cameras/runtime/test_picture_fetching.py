"""Pictures that the camera still holds after their exposures: fetched by the still thread, beside the next exposure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import uuid6

from cameras.drivers.base import CameraError
from cameras.runtime.clock import CameraClock
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.far_ends.scripted_camera import HeldPicture, ScriptedCamera
from tests.harness.waiting import PATIENCE_S, eventually

SESSION = "0193a000-0000-7000-8000-000000000003"
BROKEN = CameraError("The transfer broke off. Check the cable.", reason="camera_unreachable")


class RecordingClock(CameraClock):
    """Records how long the camera loop has waited, or wanted to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_s = [0.0]

    def wait(self, seconds: float) -> bool:
        self.asked_s.append(seconds)
        return super().wait(seconds)


@pytest.fixture
def clock() -> RecordingClock:
    return RecordingClock()


@pytest.fixture
def bench(tmp_path: Path, clock: RecordingClock) -> Iterator[CameraLoopBench]:
    """A camera that exposes while one picture is fetched."""
    bench = CameraLoopBench(tmp_path, clock)
    bench.camera.overlap = 1
    with bench:
        bench.wait_for_type("observed", observed="ready")
        yield bench


@pytest.fixture
def camera(bench: CameraLoopBench) -> ScriptedCamera:
    return bench.camera


def wait_for_exposures(bench: CameraLoopBench, number: int) -> None:
    """Until this number of exposures has ended."""
    eventually(lambda: bench.camera.calls.count("expose") == number and bench.process.reporter.state == "ready")


def spooled(bench: CameraLoopBench) -> list[str]:
    """The captures whose records were reported, in their order."""
    return [message["id"] for message in bench.link.messages if message["type"] == "spooled"]


def outcomes(bench: CameraLoopBench, captures: list[str]) -> list[str]:
    return [bench.outcome(capture)["outcome"] for capture in captures]


def release_all(pictures: list[HeldPicture]) -> None:
    for picture in pictures:
        picture.released.set()


# Overlap


def test_the_next_exposure_begins_while_a_picture_is_fetched(bench: CameraLoopBench, camera: ScriptedCamera) -> None:
    first = HeldPicture(camera)
    captures = [bench.capture(), bench.capture()]
    wait_for_exposures(bench, 2)
    assert spooled(bench) == []
    first.released.set()
    assert outcomes(bench, captures) == ["saved", "saved"]
    assert spooled(bench) == captures


def test_a_capture_takes_until_its_picture_is_durable(
    bench: CameraLoopBench, camera: ScriptedCamera, clock: RecordingClock
) -> None:
    held = HeldPicture(camera)
    capture = bench.capture()
    wait_for_exposures(bench, 1)
    before_the_picture_s = clock.wall_ns() / 1e9
    held.released.set()
    body = bench.outcome(capture)
    opened_s = datetime.fromisoformat(body["started"]).timestamp()
    # The record has whole milliseconds.
    assert opened_s + body["durable_after_s"] >= before_the_picture_s - 0.001


def test_no_more_pictures_wait_than_the_camera_can_hold(
    bench: CameraLoopBench, camera: ScriptedCamera, clock: RecordingClock
) -> None:
    pictures = [HeldPicture(camera) for _ in range(3)]
    captures = [bench.capture() for _ in range(3)]
    wait_for_exposures(bench, 2)
    # The loop sleeps although a capture waits: else it would be busy until the picture has arrived.
    eventually(lambda: clock.asked_s[-1] > 0.5)
    assert camera.calls.count("expose") == 2
    pictures[0].released.set()
    wait_for_exposures(bench, 3)
    release_all(pictures)
    assert outcomes(bench, captures) == ["saved"] * 3


def test_a_camera_that_does_not_overlap_delivers_first(bench: CameraLoopBench, camera: ScriptedCamera) -> None:
    camera.overlap = 0
    bench.send_command("reopen")
    eventually(lambda: camera.calls.count("open") == 2 and bench.process.device.is_open)
    first = HeldPicture(camera)
    captures = [bench.capture(), bench.capture()]
    assert first.begun.wait(PATIENCE_S)
    eventually(lambda: bench.process.reporter.state == "ready")
    assert camera.calls.count("expose") == 1
    first.released.set()
    assert outcomes(bench, captures) == ["saved", "saved"]


def test_a_capture_that_has_waited_too_long_for_a_picture_is_too_slow(
    bench: CameraLoopBench, camera: ScriptedCamera, clock: RecordingClock
) -> None:
    pictures = [HeldPicture(camera), HeldPicture(camera)]
    bench.capture()
    bench.capture()
    wait_for_exposures(bench, 2)
    late = str(uuid6.uuid7())
    bench.send_command("capture", id=late, planned="2026-01-01T00:00:00Z", asked={}, remaining_ms=1)
    sent = clock.monotonic()
    eventually(lambda: clock.monotonic() > sent + 0.001)
    release_all(pictures)
    assert bench.outcome(late)["reason"] == "too_slow"


def test_a_picture_that_was_fetched_reaches_the_readers_of_frames(
    bench: CameraLoopBench, camera: ScriptedCamera
) -> None:
    reader = bench.buffer.open_reader(most=5)
    HeldPicture(camera).released.set()
    bench.outcome(bench.capture())
    assert reader.get(PATIENCE_S) is not None


# Errors


def test_an_error_of_a_fetch_fails_its_capture_and_the_camera_is_opened_again(
    bench: CameraLoopBench, camera: ScriptedCamera
) -> None:
    HeldPicture(camera, BROKEN).released.set()
    failed = bench.outcome(bench.capture())
    assert (failed["reason"], failed["message"]) == (BROKEN.reason, str(BROKEN))
    eventually(lambda: camera.calls.count("open") == 2)
    assert bench.outcome(bench.capture())["outcome"] == "saved"
    assert [m["message"] for m in bench.link.messages if m["type"] == "ladder"] == [str(BROKEN)]


def test_a_driver_that_fails_otherwise_in_a_fetch_fails_its_capture(
    bench: CameraLoopBench, camera: ScriptedCamera
) -> None:
    HeldPicture(camera, ZeroDivisionError("division by zero")).released.set()
    failed = bench.outcome(bench.capture())
    assert failed["reason"] == "camera_error"
    assert "ZeroDivisionError" in failed["message"]
    assert bench.outcome(bench.capture())["outcome"] == "saved"


def test_closing_the_camera_ends_a_fetch_and_its_capture_has_one_outcome(
    bench: CameraLoopBench, camera: ScriptedCamera
) -> None:
    held = HeldPicture(camera)
    capture = bench.capture()
    assert held.begun.wait(PATIENCE_S)
    bench.send_command("reopen")
    assert bench.outcome(capture)["message"] == "The camera was closed before it had delivered the picture."
    assert bench.outcome(bench.capture())["outcome"] == "saved"
    assert spooled(bench).count(capture) == 1


def test_an_error_of_a_fetch_does_not_close_a_camera_that_was_opened_since(
    bench: CameraLoopBench, camera: ScriptedCamera
) -> None:
    held = HeldPicture(camera)
    capture = bench.capture()
    assert held.begun.wait(PATIENCE_S)
    bench.send_command("reopen")
    bench.outcome(capture)
    bench.outcome(bench.capture())
    assert camera.calls.count("open") == 2


def test_a_fetch_that_hangs_is_overdue_and_its_capture_is_hung_when_the_camera_is_closed(
    bench: CameraLoopBench, camera: ScriptedCamera
) -> None:
    held = HeldPicture(camera, fetch_s=-60.0)
    capture = bench.capture()
    assert held.begun.wait(PATIENCE_S)
    assert bench.process.fetch_timer.overdue_s > 50
    bench.send_command("abort", reason="camera_hung")
    bench.send_command("reopen")
    assert bench.outcome(capture)["reason"] == "camera_hung"


def test_an_exposure_that_fails_does_not_end_the_fetch_of_the_one_before_it_first(
    bench: CameraLoopBench, camera: ScriptedCamera
) -> None:
    held = HeldPicture(camera)
    camera.next.append(CameraError("No such ISO. Choose another.", reason="rejected_setting"))
    captures = [bench.capture(), bench.capture()]
    wait_for_exposures(bench, 2)
    held.released.set()
    assert outcomes(bench, captures) == ["saved", "failed"]
    assert spooled(bench) == captures


# Aborts and stops


def test_an_abort_ends_the_exposure_and_not_the_fetch_beside_it(bench: CameraLoopBench, camera: ScriptedCamera) -> None:
    held = HeldPicture(camera)
    fetched, aborted = bench.capture(), bench.capture(exposure_us=60_000_000)
    eventually(lambda: camera.calls.count("expose") == 2)
    bench.send_command("abort", reason="interrupted")
    wait_for_exposures(bench, 2)
    held.released.set()
    assert bench.outcome(fetched)["outcome"] == "saved"
    assert bench.outcome(aborted)["reason"] == "interrupted"


def test_a_picture_that_is_fetched_when_its_session_is_stopped_is_saved(
    bench: CameraLoopBench, camera: ScriptedCamera
) -> None:
    held = HeldPicture(camera)
    bench.send_command("start", session=bench.desired_session(SESSION, cadence_s=60))
    assert held.begun.wait(PATIENCE_S)
    stop = bench.send_command("stop", session=bench.desired_session(SESSION, 2, "stopped"))
    held.released.set()
    answer = bench.wait_for_type("answer", command_id=stop)["body"]
    assert [answer[name] for name in ("state", "planned", "saved")] == ["stopped", 1, 1]


def test_the_end_of_the_station_waits_for_a_picture(
    bench: CameraLoopBench, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cameras.runtime.camera_loop.WRITE_OUT_S", PATIENCE_S)
    held = HeldPicture(camera)
    capture = bench.capture()
    assert held.begun.wait(PATIENCE_S)
    bench.process.loop.stop()
    held.released.set()
    assert bench.outcome(capture)["outcome"] == "saved"


def test_the_end_of_the_station_interrupts_pictures_that_do_not_come(
    bench: CameraLoopBench, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cameras.runtime.camera_loop.WRITE_OUT_S", 0.1)
    monkeypatch.setattr("cameras.runtime.camera_loop.RECORD_S", PATIENCE_S)
    held = [HeldPicture(camera), HeldPicture(camera)]
    captures = [bench.capture() for _ in held]
    wait_for_exposures(bench, 2)
    bench.process.loop.stop()
    found = [bench.outcome(capture) for capture in captures]
    assert [one["reason"] for one in found] == ["interrupted", "interrupted"]
    assert "before the picture was fetched" in found[0]["message"]


# Sessions


@pytest.mark.usefixtures("all_measured")
def test_a_session_measures_a_picture_once_it_is_fetched(bench: CameraLoopBench, camera: ScriptedCamera) -> None:
    HeldPicture(camera).released.set()
    bench.send_command("start", session=bench.desired_session(SESSION, cadence_s=60, count=1))
    record = bench.wait_for_message(lambda message: message["type"] == "spooled" and is_capture(bench, message["id"]))
    assert bench.record(record["id"])["statistics"]["mean"] == 0


def is_capture(bench: CameraLoopBench, record: str) -> bool:
    return "exposure_us" in bench.record(record)


def test_the_captures_of_a_session_are_recorded_in_their_order(bench: CameraLoopBench, camera: ScriptedCamera) -> None:
    pictures = [HeldPicture(camera) for _ in range(4)]
    bench.send_command("start", session=bench.desired_session(SESSION, delay_s=0.0, count=4))
    wait_for_exposures(bench, 2)
    assert bench.process.runner.describe_session()["planned"] == 0  # type: ignore[index]
    release_all(pictures)
    eventually(lambda: bench.process.runner.describe_session() is None)
    bodies: list[Any] = [bench.record(record) for record in spooled(bench)]
    assert [body["index"] for body in bodies if "index" in body] == [0, 1, 2, 3]
