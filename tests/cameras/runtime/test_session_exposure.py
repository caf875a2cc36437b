"""Automatic exposure of a session in the camera loop: measured captures lead to the settings of the next ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.simulated.driver import SimulatedDriver
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.clocks.camera_clock import StepClock
from tests.harness.waiting import eventually

pytestmark = pytest.mark.usefixtures("all_measured")
SESSION = "0193a000-0000-7000-8000-000000000003"
CONTROL = {
    "target": 0.4, "measure": "mean", "exposure_us": [20, 2_000_000], "order": ["exposure_us"], "damping": 0.3,
    "hysteresis_ev": 0.25,
}  # fmt: skip
CHART = {"scene": "chart", "width": 320, "height": 240, "contrast_decades": 0.3}


def bench_of(folder: Path, **programme: Any) -> CameraLoopBench:
    clock = StepClock()
    given = {"exposure_us": 20, "cadence_s": 10.0, "count": 14, "control": CONTROL, **programme}
    desired = CameraLoopBench.desired_session(SESSION, **given)
    bench = CameraLoopBench(folder, clock, SimulatedDriver("", clock), settings=CHART, session=desired)
    clock.settled = bench.process.stills.drain
    return bench


def captures(bench: CameraLoopBench) -> list[dict[str, Any]]:
    """The bodies of the records, once the session has finished."""

    def records() -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(bench.spool.glob("*.done"))]

    def has_finished() -> bool:
        return any(one["kind"] == "session" and one["body"]["state"] == "finished" for one in records())

    with bench:
        eventually(has_finished)
    return [one["body"] for one in records() if one["kind"] == "capture"]


def test_the_exposure_reaches_the_target_and_stands_in_each_capture(tmp_path: Path) -> None:
    found = captures(bench_of(tmp_path))
    exposures = [body["exposure_us"] for body in found]
    means = [body["statistics"]["mean"] for body in found]
    assert exposures[0] == 20
    assert exposures[-1] > 1000
    assert means[0] < 0.1
    assert means[-1] == pytest.approx(0.4, abs=0.08)
    assert [body["asked"]["exposure_us"] for body in found] == exposures


def test_fixed_exposure_is_measured_and_not_changed(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, exposure_us=1000)
    del bench.spec["session"]["programme"]["control"]
    found = captures(bench)
    assert {body["exposure_us"] for body in found} == {1000}
    assert {len(body["statistics"]) for body in found} == {6}


def test_within_a_burst_the_settings_stay(tmp_path: Path) -> None:
    found = captures(bench_of(tmp_path, kind="burst", burst=4, count=8))
    exposures = [body["exposure_us"] for body in found]
    assert exposures[:4] == [20] * 4
    assert len(set(exposures[4:])) == 1
    assert exposures[4] > 20


def test_a_bracket_moves_as_a_whole_by_its_middle_exposure(tmp_path: Path) -> None:
    found = captures(bench_of(tmp_path, kind="bracket", ev_steps=[1.0, 0.0, -2.0], count=45))
    last = [body["exposure_us"] for body in found[-3:]]
    assert last[0] == pytest.approx(2 * last[1], rel=0.01)
    assert last[1] == pytest.approx(4 * last[2], rel=0.01)
    assert found[-2]["statistics"]["mean"] == pytest.approx(0.4, abs=0.08)


def test_after_a_restart_the_session_continues_with_the_settings_that_it_had_reached(tmp_path: Path) -> None:
    before = captures(bench_of(tmp_path))
    name = f"session-{SESSION}.json"
    content = json.loads((tmp_path / ".spool" / "0193a000-0000-7000-8000-00000000000c" / name).read_text())
    assert content["control"]["settings"]["exposure_us"] == pytest.approx(before[-1]["exposure_us"], rel=0.3)
    restarted = bench_of(tmp_path, count=20)
    content |= {"state": "running", "outbox": [], "programme": restarted.spec["session"]["programme"]}
    (restarted.spool / name).write_text(json.dumps(content))
    for record in restarted.spool.glob("*.done"):
        record.unlink()
    after = captures(restarted)
    assert after[0]["index"] == 14
    assert after[0]["exposure_us"] == content["control"]["settings"]["exposure_us"]


def test_the_status_of_the_session_explains_the_last_step(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, count=100_000)
    with bench:
        eventually(lambda: "of full scale" in str((bench.process.runner.describe_session() or {}).get("exposure")))
