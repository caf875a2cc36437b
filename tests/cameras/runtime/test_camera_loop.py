"""The camera loop: a command or an error affects what it is meant for, and nothing after it."""

from __future__ import annotations

import errno
import json
import re
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uuid6

from cameras.drivers.base import CameraError
from cameras.runtime.clock import CameraClock
from cameras.spool.moments import iso
from cameras.spool.session_files import SessionFile
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.clocks.camera_clock import EVENING, SetClock
from tests.harness.far_ends.scripted_camera import exposure
from tests.harness.waiting import eventually

JUMP = r"The station's clock was set by (\S+) s since the last capture\. Check the times around this one\."
NEXT = "0193a000-0000-7000-8000-000000000004"
SESSION = "0193a000-0000-7000-8000-000000000003"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    with CameraLoopBench(tmp_path) as bench:
        bench.wait_for_type("observed", observed="ready")
        yield bench


def test_an_abort_without_an_exposure_does_not_abort_the_next_one(bench: CameraLoopBench) -> None:
    bench.send_command("abort", reason="camera_hung")
    assert bench.outcome(bench.capture())["outcome"] == "saved"


def test_an_abort_ends_the_running_exposure_with_its_reason(bench: CameraLoopBench) -> None:
    capture = bench.capture(exposure_us=60_000_000)
    eventually(lambda: "expose" in bench.camera.calls)
    bench.send_command("abort", reason="camera_hung")
    assert bench.outcome(capture)["reason"] == "camera_hung"


def test_the_answer_to_a_stop_counts_the_running_exposure(bench: CameraLoopBench) -> None:
    bench.send_command("start", session=bench.desired_session(SESSION, exposure_us=60_000_000, cadence_s=61))
    eventually(lambda: "expose" in bench.camera.calls)
    stop = bench.send_command("stop", session=bench.desired_session(SESSION, 2, "stopped"))
    answer = bench.wait_for_type("answer", command_id=stop)["body"]
    assert [answer[name] for name in ("state", "planned", "saved", "failed", "skipped")] == ["stopped", 1, 0, 1, 0]


def test_a_stop_that_arrives_just_before_an_exposure_prevents_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme = {"exposure_us": 60_000_000, "cadence_s": 61}
    bench = CameraLoopBench(tmp_path, session=CameraLoopBench.desired_session(SESSION, **programme))
    stop, next_due = CameraLoopBench.desired_session(SESSION, 2, "stopped"), bench.process.runner.next_due

    def stop_and_return_due(*arguments: Any, **options: Any) -> Any:
        """The exposure follows the call that comes after the camera was polled."""
        due = next_due(*arguments, **options)
        if due and bench.camera.supplies_asked:
            bench.send_command("stop", session=stop)
        return due

    monkeypatch.setattr(bench.process.runner, "next_due", stop_and_return_due)
    with bench:
        answer = bench.wait_for_type("answer")["body"]
    assert answer["state"] == "stopped"
    assert "expose" not in bench.camera.calls


def test_a_picture_that_cannot_be_encoded_is_a_failure_and_the_next_one_is_saved(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(frame=bench.camera.image(np.zeros((2, 2, 2, 2), np.uint8))))
    failed, saved = bench.capture(), bench.capture()
    assert bench.outcome(failed)["reason"] == "write_error"
    assert bench.outcome(saved)["outcome"] == "saved"


def test_a_picture_that_json_cannot_describe_is_a_failure_and_the_next_one_is_saved(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(frame=bench.camera.image(np.zeros((16, 16), np.uint8)), warnings=[object()]))
    failed, saved = bench.capture(), bench.capture()
    bench.wait_for_type("recovered")
    assert bench.record(failed)["outcome"] == "failed"
    assert bench.record(saved)["outcome"] == "saved"


def test_a_rejected_setting_fails_its_capture_and_leaves_the_camera_open(bench: CameraLoopBench) -> None:
    bench.camera.next.append(CameraError("No such ISO. Choose another.", reason="rejected_setting"))
    calls = len(bench.camera.calls)
    assert bench.outcome(bench.capture())["reason"] == "rejected_setting"
    assert bench.outcome(bench.capture())["outcome"] == "saved"
    assert bench.camera.calls[calls:] == ["expose", "expose"]


def test_rejected_settings_are_refused_and_not_stored(bench: CameraLoopBench) -> None:
    bench.camera.apply_errors.append(CameraError("No such gain. Choose another.", reason="rejected_setting"))
    command = bench.send_command("configure", settings={"gain": 99.0})
    assert bench.wait_for_type("answer", command_id=command)["reason"] == "rejected_setting"
    assert "gain" not in bench.process.device.settings.desired
    assert bench.process.device.is_open is True


def test_settings_for_a_camera_that_is_away_are_stored_and_keep_the_reason(bench: CameraLoopBench) -> None:
    gone = CameraError("The camera is not there. Plug it in.", reason="camera_unreachable")
    bench.camera.open_errors.extend([gone] * 50)
    bench.camera.next.append(gone)
    bench.outcome(bench.capture())
    eventually(lambda: not bench.process.device.is_open)
    bench.wait_for_type("answer", command_id=bench.send_command("configure", settings={"gain": 2.0}))
    assert bench.outcome(bench.capture())["reason"] == "camera_unreachable"
    assert bench.process.device.settings.desired["gain"] == 2.0


def test_frames_that_arrive_reset_the_failures(bench: CameraLoopBench) -> None:
    bench.camera.frame_errors.extend([CameraError("No frame.")] * 1)
    bench.send_command("live", qualities=["low"])
    bench.wait_for_type("observed", observed="reconnecting")
    eventually(lambda: bench.buffer.frames > 2)
    bench.camera.frame_errors.append(CameraError("No frame again."))
    bench.wait_for_type("ladder", message="No frame again.")
    assert bench.process.device.next_try_s() < 0.5


def test_a_viewer_of_a_camera_without_a_stream_does_not_take_it_out_of_service(tmp_path: Path) -> None:
    bench = CameraLoopBench(tmp_path)
    bench.camera.streams = False
    with bench:
        bench.send_command("live", qualities=["low"])
        eventually(lambda: bench.streamed.wants_frames)
        outcomes = [bench.outcome(bench.capture())["outcome"] for _ in range(3)]
        assert outcomes == ["saved"] * 3
        assert bench.camera.calls.count("close") == 1


@pytest.mark.parametrize("requested", [{}, {"exposure_us": 1000}])
def test_an_exposure_may_take_as_long_as_the_dial_of_the_camera_says(tmp_path: Path, requested: dict[str, int]) -> None:
    bench = CameraLoopBench(tmp_path)
    bench.camera.body_us = 30_000_000
    with bench:
        bench.wait_for_type("observed", observed="ready")
        assert bench.process.device.timing.allowed_s(requested) > 30
        bench.outcome(bench.capture(**requested))
        assert bench.process.device.timing.allowed_s(requested) > 30


def test_a_long_exposure_does_not_extend_the_deadline_of_the_next_short_one(bench: CameraLoopBench) -> None:
    bench.camera.next.append(
        exposure(frame=bench.camera.image(np.zeros((16, 16), np.uint8)), actual={"exposure_us": 60_000_000})
    )
    bench.outcome(bench.capture(exposure_us=60_000_000))
    assert bench.process.device.timing.allowed_s({"exposure_us": 1000}) < 5


def test_a_capture_that_was_withdrawn_is_not_exposed_when_it_comes_late(bench: CameraLoopBench) -> None:
    late = str(uuid6.uuid7())
    bench.send_command("withdraw", id=late)
    assert bench.wait_for_type("answer", unstarted=True)["id"] == late
    bench.capture(late)
    bench.outcome(bench.capture())
    assert bench.camera.calls.count("expose") == 1


def test_a_picture_that_is_not_safe_on_the_disk_stays_on_the_card(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(frame=bench.camera.image(np.zeros((2, 2, 2, 2), np.uint8)), card=["IMG_1"]))
    bench.camera.next.append(exposure(frame=bench.camera.image(np.zeros((16, 16), np.uint8)), card=["IMG_2"]))
    bench.capture()
    bench.capture()
    eventually(lambda: bool(bench.camera.forgotten))
    assert bench.camera.forgotten == ["IMG_2"]


@contextmanager
def no_file_may_grow() -> Iterator[None]:
    """A write fails with EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_slots_that_cannot_be_refilled_do_not_stop_captures(bench: CameraLoopBench) -> None:
    (bench.spool / "slot-00").unlink()
    with no_file_may_grow():
        bench.process.storage_holder.refill_slots(1e9)
    assert bench.outcome(bench.capture())["outcome"] == "saved"


def test_starts_that_pass_while_a_session_cannot_be_saved_are_a_gap_with_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, save = SetClock(), SessionFile.save

    def save_or_fail(file: SessionFile, *arguments: Any) -> None:
        """The disk fails in the first seconds of the window."""
        if 60 <= clock.wall - EVENING < 65:
            raise OSError(errno.EIO, "Input/output error")
        save(file, *arguments)

    monkeypatch.setattr(SessionFile, "save", save_or_fail)
    window = [iso(EVENING + 60), iso(EVENING + 660)]
    desired = CameraLoopBench.desired_session(SESSION, cadence_s=0.1, windows=[window])
    with CameraLoopBench(tmp_path, clock, session=desired) as bench:
        bench.wait_for_type("log", kind="storage.full")
        gap = bench.wait_for_gap()
    assert (gap["first_index"], gap["reason"]) == (0, "write_error")


def test_nothing_uses_a_root_whose_disk_failed_while_its_session_was_resumed(tmp_path: Path) -> None:
    with CameraLoopBench(tmp_path) as first:
        first.wait_for_type(
            "answer", command_id=first.send_command("start", session=first.desired_session(SESSION, cadence_s=60))
        )
    paused = first.desired_session(SESSION, revision=2, desired="paused", cadence_s=60)
    second = CameraLoopBench(tmp_path, session=paused)
    with no_file_may_grow():
        opened = second.process.storage_holder.ensure_open()
    assert (opened, second.process.runner.describe_session()) == (False, None)
    assert second.process.storage_holder.ensure_open()
    session = second.process.runner.describe_session()
    assert session
    assert session["state"] == "paused"
    second.process.storage_holder.close()


def test_a_session_that_has_ended_in_the_database_makes_way_for_the_next_one(tmp_path: Path) -> None:
    with CameraLoopBench(tmp_path) as first:
        first.wait_for_type(
            "answer", command_id=first.send_command("start", session=first.desired_session(SESSION, cadence_s=60))
        )
    with CameraLoopBench(tmp_path, session=first.desired_session(NEXT, cadence_s=60)) as second:
        second.wait_for_type("recovered")
        eventually(lambda: bool(second.process.runner.describe_session()))
        assert second.process.runner.describe_session()["id"] == NEXT


def test_a_session_started_before_the_camera_is_open_records_what_it_will_use(tmp_path: Path) -> None:
    bench = CameraLoopBench(tmp_path)
    bench.camera.body_us = 2_000_000
    bench.send_command("start", session=bench.desired_session(SESSION, count=1))
    with bench:
        record = bench.wait_for_type("spooled")["id"]
        content = json.loads((bench.spool / f"{record}.done").read_bytes())
    assert content["body"]["actual"] == {"exposure_us": 2_000_000}


def test_a_session_exposes_during_a_flood_of_commands(bench: CameraLoopBench) -> None:
    bench.capture(exposure_us=60_000_000)  # while it runs, all the others come
    eventually(lambda: "expose" in bench.camera.calls)
    captures = [bench.capture() for _ in range(20)]
    bench.send_command("start", session=bench.desired_session(SESSION, delay_s=0.0, count=5))
    bench.send_command("abort", reason="interrupted")
    eventually(lambda: bench.link.messages and any(m.get("id") == captures[-1] for m in bench.link.messages))
    session = bench.process.runner.describe_session()
    assert not session or session["saved"] > 0


def test_a_gap_without_cadence_counts_no_more_than_the_camera_could_have_taken(bench: CameraLoopBench) -> None:
    gone = CameraError("The camera is not there. Plug it in.", reason="camera_unreachable")
    bench.send_command("start", session=bench.desired_session(SESSION, delay_s=0.0))
    eventually(lambda: "expose" in bench.camera.calls)
    bench.camera.open_errors.append(gone)
    bench.camera.next.append(gone)
    bench.wait_for_type("ladder", reason="camera_unreachable")
    gap = bench.wait_for_gap()
    assert gap["count"] <= seconds_of(gap) / bench.camera.capabilities().readout_s


def seconds_of(gap: dict[str, Any]) -> float:
    return (datetime.fromisoformat(gap["to"]) - datetime.fromisoformat(gap["from"])).total_seconds()


@pytest.mark.parametrize(("exposure_us", "reported"), [(30_000_000, False), (1000, True)])
def test_a_frame_as_old_as_its_long_exposure_is_no_sign_of_a_wrong_clock(
    tmp_path: Path, exposure_us: int, reported: bool
) -> None:
    bench = CameraLoopBench(tmp_path, settings={"exposure_us": exposure_us})
    bench.camera.age_s = 20.0
    bench.streamed.wants_frames = True
    with bench:
        eventually(lambda: bench.buffer.frames > 0)
    newest = bench.buffer.get_frame_for_streaming()
    assert newest is not None
    arrived_s = time.time() - (bench.clock.monotonic() - newest.monotonic)
    assert (arrived_s - newest.captured_ns / 1e9 < 15) == reported
    assert ("camera.clock" in logged(bench)) == reported


def logged(bench: CameraLoopBench) -> list[str]:
    return [message["kind"] for message in bench.link.messages if message["type"] == "log"]


def test_a_still_of_a_slow_stream_may_wait_for_its_next_frame(tmp_path: Path) -> None:
    with CameraLoopBench(tmp_path, settings={"fps": 0.1}) as bench:
        bench.wait_for_type("observed", observed="ready")
        assert bench.process.device.timing.allowed_s({"exposure_us": 1000}) > 10.0 + float(bench.spec["margin_s"])


class OffsetClock(CameraClock):
    """The machine's clock, set by `by_s` seconds."""

    by_s = 0

    def wall_ns(self) -> int:
        return super().wall_ns() + self.by_s * 1_000_000_000


@pytest.mark.parametrize("by_s", [-3600, 3600])
def test_a_clock_of_the_station_set_during_an_exposure_is_not_blamed_on_the_camera(tmp_path: Path, by_s: int) -> None:
    clock = OffsetClock()
    with CameraLoopBench(tmp_path, clock) as bench:
        capture = bench.capture(exposure_us=500_000)
        eventually(lambda: "expose" in bench.camera.calls)
        clock.by_s = by_s
        found = bench.outcome(capture)
    started, ended = datetime.fromisoformat(found["started"]), datetime.fromisoformat(found["ended"])
    assert 0 < (ended - started).total_seconds() < abs(by_s) / 2
    [warning] = found["warnings"]
    jump = re.fullmatch(JUMP, warning)
    assert jump
    assert float(jump[1]) == pytest.approx(by_s, abs=60)
    assert logged(bench) == []
