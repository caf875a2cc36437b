"""Gates in the camera loop: a closed one pauses the sessions, and what they miss is one gap with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.spool.moments import iso
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.clocks.camera_clock import EVENING, SetClock
from tests.harness.waiting import PATIENCE_S, eventually

SESSION = "0193a000-0000-7000-8000-000000000003"
SMALL = {"width": 320, "height": 240}
RAIN = "The gate rain is closed: 0.4 is above 0.2."


def gate(name: str = "rain", *, is_open: bool = True, sentence: str = RAIN, unknown: str = "unsafe") -> dict[str, Any]:
    value = {"value": 0.1, "limit": None, "sentence": ""} if is_open else {"value": 0.4, "limit": 0.2}
    return {"name": name, "open": is_open, "sentence": sentence, "unknown": unknown, **value}


class ScriptedClock(SetClock):
    """A wait first lets the still thread finish. Calls that were planned are made when their second has come."""

    drain: Callable[[float], Any]

    def __init__(self) -> None:
        super().__init__()
        self.planned: list[tuple[float, Callable[[], Any]]] = []

    def wait(self, seconds: float) -> bool:
        if self.wakes_on_work:
            self.drain(PATIENCE_S)
        super().wait(seconds)
        while self.planned and self.wall - EVENING >= self.planned[0][0]:
            self.planned.pop(0)[1]()
        return self._interrupted()


class GatedBench(CameraLoopBench):
    def __init__(
        self, folder: Path, *gates: dict[str, Any], exposure_us: int = 1000, reserve_bytes: int = 0, **programme: Any
    ) -> None:
        clock = ScriptedClock()
        desired = self.desired_session(SESSION, exposure_us=exposure_us, **programme)
        spec: dict[str, Any] = {"disk_reserve_bytes": reserve_bytes}
        spec |= {"gates": list(gates)} if gates else {}
        super().__init__(folder, clock, SimulatedDriver("", clock), settings=SMALL, session=desired, **spec)
        clock.drain = self.process.stills.drain
        self.planned_calls = clock.planned

    def send_gates(self, *gates: dict[str, Any], life_s: float = 30.0) -> None:
        self.receive_command({"type": "gates", "gates": list(gates), "life_s": life_s})

    def plan_gates(self, second: float, *gates: dict[str, Any], life_s: float = 30.0) -> None:
        """The host sends these gates at this second of the evening."""
        self.planned_calls.append((second, lambda: self.send_gates(*gates, life_s=life_s)))

    def run_session(self) -> None:
        with self:
            eventually(self.has_finished)

    def session_file(self) -> Path:
        return self.spool / f"session-{SESSION}.json"

    def has_finished(self) -> bool:
        return any(body["state"] == "finished" for body in self.bodies("session"))

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        records = [json.loads(path.read_text()) for path in sorted(self.spool.glob("*.done"))]
        return [record["body"] for record in records if record["kind"] == kind]

    def saved(self) -> list[int]:
        return [body["index"] for body in self.bodies("capture") if body["outcome"] == "saved"]

    def gaps(self) -> list[tuple[int, int, str, str]]:
        """First index, count, reason and message of each gap."""
        return [(gap["first_index"], gap["count"], gap["reason"], gap["message"]) for gap in self.bodies("gap")]


def test_without_gates_a_session_runs_as_before(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, cadence_s=10.0, count=12)
    bench.run_session()
    assert bench.saved() == list(range(12))


def test_a_closed_gate_makes_one_gap_that_names_gate_value_and_limit(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, gate(), cadence_s=10.0, count=10)
    bench.plan_gates(25, gate(is_open=False), life_s=1000)
    bench.plan_gates(65, gate(), life_s=1000)
    bench.run_session()
    assert bench.saved() == [0, 1, 2, 6, 7, 8, 9]
    assert bench.gaps() == [(3, 3, "unsafe", RAIN)]


def test_a_gate_that_closes_between_two_starts_misses_nothing(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, gate(), cadence_s=10.0, count=4)
    bench.plan_gates(11, gate(is_open=False), life_s=1000)
    bench.plan_gates(18, gate(), life_s=1000)
    bench.run_session()
    assert (bench.saved(), bench.gaps()) == ([0, 1, 2, 3], [])


def test_a_process_that_starts_with_a_closed_gate_takes_nothing_until_it_opens(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, gate(is_open=False), cadence_s=10.0, count=5)
    bench.plan_gates(15, gate(), life_s=1000)
    bench.run_session()
    assert bench.saved() == [1, 2, 3, 4]
    assert bench.gaps() == [(0, 1, "unsafe", RAIN)]


def test_a_closed_gate_and_a_full_disk_do_not_write_the_session_in_each_round(tmp_path: Path) -> None:
    until, written = iso(EVENING + 25), set[int]()
    bench = GatedBench(tmp_path, gate(is_open=False), cadence_s=10.0, until=until, reserve_bytes=2**62)
    for second in range(1, 20):
        bench.planned_calls.append((second, lambda: written.add(bench.session_file().stat().st_mtime_ns)))
    bench.run_session()
    assert len(written) == 1
    assert bench.gaps() == [(0, 3, "unsafe", RAIN)]


def test_gates_that_are_not_sent_again_count_as_closed_after_their_life(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, gate(), gate("wind"), cadence_s=10.0, count=8)
    bench.plan_gates(55, gate(), gate("wind"), life_s=1000)
    bench.run_session()
    assert bench.saved() == [0, 1, 2, 5, 6, 7]
    [(first, count, reason, message)] = bench.gaps()
    assert (first, count, reason) == (3, 2, "unsafe")
    assert message == " ".join(
        f"The gate {name} is closed: its value is unknown. The camera host has not sent it for 30 s."
        for name in ("rain", "wind")
    )


def test_gates_whose_unknown_values_are_safe_stay_open_after_their_life(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, gate(unknown="safe"), cadence_s=10.0, count=8)
    bench.run_session()
    assert bench.saved() == list(range(8))


def test_one_gate_that_must_be_known_is_enough_after_their_life(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, gate(unknown="safe"), gate("wind"), cadence_s=10.0, count=5)
    bench.plan_gates(45, life_s=1000)
    bench.run_session()
    [(_, _, _, message)] = bench.gaps()
    assert "gate wind" in message
    assert "rain" not in message


def test_a_running_exposure_ends_normally(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, gate(), exposure_us=8_000_000, cadence_s=20.0, count=2)
    bench.plan_gates(4, gate(is_open=False), life_s=1000)
    bench.plan_gates(25, gate(), life_s=1000)
    bench.run_session()
    assert 0 in bench.saved()


def test_the_captures_of_users_are_not_gated(tmp_path: Path) -> None:
    bench = GatedBench(tmp_path, gate(is_open=False), cadence_s=10.0, count=1_000_000)
    bench.plan_gates(1, gate(is_open=False), life_s=1e9)
    with bench:
        assert bench.outcome(bench.capture())["outcome"] == "saved"
    assert bench.saved() == [None]


@pytest.mark.parametrize("opens_at", [400.0, 900.0], ids=["in the window", "after the window"])
def test_a_window_with_a_closed_gate_is_accounted_for(tmp_path: Path, opens_at: float) -> None:
    windows = [(iso(EVENING + 60), iso(EVENING + 660))]
    bench = GatedBench(tmp_path, gate(), cadence_s=60.0, windows=windows)
    bench.plan_gates(1, gate(), life_s=1e9)
    bench.plan_gates(200, gate(is_open=False), life_s=1e9)
    bench.plan_gates(opens_at, gate(), life_s=1e9)
    bench.run_session()
    ledger = bench.bodies("session")[-1]
    assert ledger["planned"] == 10
    assert ledger["saved"] + ledger["failed"] + ledger["skipped"] == 10
    assert {gap[2] for gap in bench.gaps()} == {"unsafe"}
    assert ledger["skipped"] == sum(gap[1] for gap in bench.gaps()) > 0


def test_a_gate_that_opens_before_the_window_misses_nothing(tmp_path: Path) -> None:
    windows = [(iso(EVENING + 60), iso(EVENING + 120))]
    bench = GatedBench(tmp_path, gate(is_open=False), cadence_s=10.0, windows=windows)
    bench.plan_gates(30, gate(), life_s=1e9)
    bench.run_session()
    assert (bench.saved(), bench.gaps()) == ([0, 1, 2, 3, 4, 5], [])
